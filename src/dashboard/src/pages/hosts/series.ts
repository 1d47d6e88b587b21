/** Which series of a host belong together, what each is called, and how its values read. */

import type { HostSeries } from "../../api/jobs";
import { decimal } from "../../format/number";
import { quantity } from "../../format/quantity";
import { language } from "../../store/preferences";

export const GROUPS = ["cpu", "memory", "disk", "network", "gpu", "process", "service", "other"] as const;
export type Group = (typeof GROUPS)[number];

const PREFIX = "tidewatch_";

const BEGINNINGS: [string, Group][] = [
  ["cpu_", "cpu"],
  ["memory_", "memory"],
  ["swap_", "memory"],
  ["disk_", "disk"],
  ["inodes_", "disk"],
  ["network_", "network"],
  ["gpu_", "gpu"],
  ["process_", "process"],
  ["service_", "service"],
  ["http_", "service"],
];

const bare = (name: string): string => (name.startsWith(PREFIX) ? name.slice(PREFIX.length) : name);

export function groupOf(name: string): Group {
  return BEGINNINGS.find(([beginning]) => bare(name).startsWith(beginning))?.[1] ?? "other";
}

/** In the order of the groups; those without a series are left out. */
export function groupsOf(series: readonly HostSeries[]): { group: Group; series: HostSeries[] }[] {
  const groups = GROUPS.map((group) => ({ group, series: series.filter(({ name }) => groupOf(name) === group).sort(byTitle) }));
  return groups.filter((each) => each.series.length !== 0);
}

const byTitle = (one: HostSeries, other: HostSeries): number => titleOf(one).localeCompare(titleOf(other), "en", { numeric: true });

/** `cpu_usage_percent core=0`; the label every series has, the host's own name, is not repeated. */
export function titleOf({ name, labels }: HostSeries): string {
  const told = Object.entries(labels).filter(([label]) => label !== "server" && label !== "uuid");
  return [bare(name), ...told.map(([label, value]) => `${label}=${value}`)].join(" ");
}

/** What the end of a metric's name says of its unit, as Prometheus has it. */
export function unitOf({ name, unit }: HostSeries): string | null {
  if (unit !== null) return unit;
  const base = name.replace(/_total$/, "");
  const found = ["bytes", "seconds", "percent"].find((each) => base.endsWith(`_${each}`));
  return found ?? null;
}

export function shownValue(series: HostSeries, value: number): string {
  const unit = unitOf(series);
  return unit === null ? decimal(language.value, value, 6) : quantity(language.value, value, unit);
}
