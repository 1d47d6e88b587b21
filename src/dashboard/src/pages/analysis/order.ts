/** Which findings are shown, together with which, and in which order. Pure. */

import type { Analysis, Finding, FindingKind, Together } from "../../api/analysis";

export interface Selection {
  text: string;
  kind: FindingKind | null;
}

/** Findings that moved together, as one entry. */
export interface Group {
  together: Together;
  /** Those that match, the one that moved first before the others. */
  members: Finding[];
  /** How many there are, whether they match or not. */
  total: number;
  /** That of the worst that is open. */
  severity: Finding["severity"];
}

export type Entry = { id: string; finding: Finding } | { id: string; group: Group };

export interface Arranged {
  open: Entry[];
  closed: Finding[];
}

const SEVERITY: Record<Finding["severity"], number> = { critical: 0, warning: 1 };

const time = (text: string | null): number => (text === null ? 0 : Date.parse(text));

/** Open ones by severity, the newest first, groups among them by the worst and the first of theirs; closed ones by when they ended. */
export function arrange({ items: findings, together }: Analysis, selection: Selection): Arranged {
  const byId = new Map(findings.map((finding) => [finding.id, finding]));
  const matches = matching(selection);
  const grouped = new Set<string>();
  const entries: { entry: Entry; severity: number; since: number }[] = [];
  for (const each of together) {
    const all = each.findings.flatMap((id) => (grouped.has(id) ? [] : (byId.get(id) ?? [])));
    // What is left of a group that is over, or has lost its members, is no group.
    if (all.length < 2 || all.every((finding) => finding.state === "closed")) continue;
    all.forEach((finding) => grouped.add(finding.id));
    const members = all.filter(matches).sort((a, b) => Number(b.id === each.first) - Number(a.id === each.first) || time(a.started_at) - time(b.started_at));
    if (members.length === 0) continue;
    const severity = all.some((finding) => finding.state === "open" && finding.severity === "critical") ? "critical" : "warning";
    entries.push({
      entry: { id: `together ${each.first}`, group: { together: each, members, total: all.length, severity } },
      severity: SEVERITY[severity],
      since: time(each.started_at),
    });
  }
  const alone = findings.filter((finding) => !grouped.has(finding.id) && matches(finding));
  for (const finding of alone.filter((each) => each.state === "open")) {
    entries.push({ entry: { id: finding.id, finding }, severity: SEVERITY[finding.severity], since: time(finding.started_at) });
  }
  entries.sort((a, b) => a.severity - b.severity || b.since - a.since || (a.entry.id < b.entry.id ? -1 : 1));
  const closed = alone.filter((each) => each.state === "closed").sort((a, b) => time(b.ended_at) - time(a.ended_at) || (a.id < b.id ? -1 : 1));
  return { open: entries.map(({ entry }) => entry), closed };
}

function matching({ text, kind }: Selection): (finding: Finding) => boolean {
  const needle = text.trim().toLocaleLowerCase();
  return (finding) =>
    (kind === null || finding.kind === kind) && (needle === "" || [finding.name, finding.series?.name ?? ""].some((name) => name.toLocaleLowerCase().includes(needle)));
}

/** Open findings of a kind: as the server counts them, or counted here where it does not. */
export const openOf = ({ summary, items: findings }: Analysis, kind: FindingKind): number =>
  summary.by_kind[kind] ?? findings.filter((finding) => finding.state === "open" && finding.kind === kind).length;

export interface Bar {
  /** Parts of the whole width, 0 to 1. */
  value: number;
  expected: number | null;
  band: { from: number; to: number } | null;
}

/** Room at both ends of a bar. */
const AIR = 0.08;

/** Where the value stands against what was expected; `null` where there is nothing to compare it with. */
export function barOf({ value, expected, low, high }: Pick<Finding, "value" | "expected" | "low" | "high">): Bar | null {
  if (value === null) return null;
  const known = [value, expected, low, high].filter((each): each is number => each !== null);
  const [least, most] = [Math.min(...known), Math.max(...known)];
  if (least === most) return null;
  const place = (at: number): number => AIR + ((at - least) / (most - least)) * (1 - 2 * AIR);
  return {
    value: place(value),
    expected: expected === null ? null : place(expected),
    // A band that is open at one end reaches to the end of the bar.
    band: low === null && high === null ? null : { from: low === null ? 0 : place(low), to: high === null ? 1 : place(high) },
  };
}
