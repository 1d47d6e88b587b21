/** What columns, bins, tests and detectors are called. */

import type { Bin, ColumnReport } from "../../../api/drift";
import { decimal } from "../../../format/number";
import { isKey, t } from "../../../i18n";
import { language } from "../../../store/preferences";
import type { Against } from "../view";

const FEATURE = "feature/";

/** The column of a subject: a feature by its own name, what is predicted in words. */
export function subjectName(subject: string): string {
  if (subject.startsWith(FEATURE)) return subject.slice(FEATURE.length);
  const key = `subject.${subject}`;
  return isKey(key) ? t(key) : subject;
}

/** What the other side of a comparison is called in a table. */
export const sideName = (against: Against): string => t(against === "reference" ? "histogram.reference" : `against.side.${against}`);

export const groupName = (column: ColumnReport): string => `${t(`group.${column.group}`)} · ${t(`type.${column.type}`)}`;

const named = (family: "test" | "detector", name: string): string => {
  const key = `${family}.${name}`;
  return isKey(key) ? t(key) : name;
};
export const testName = (name: string): string => named("test", name);
export const detectorName = (name: string): string => named("detector", name);

const SPECIAL: Record<string, "bin.other" | "bin.new"> = { "(other)": "bin.other", "(new)": "bin.new" };

/** A category's name, or the ends of a bin of numbers. */
export function binName(bin: Bin): string {
  const show = (value: number): string => decimal(language.value, value, 3);
  if (bin.name !== null) return SPECIAL[bin.name] === undefined ? bin.name : t(SPECIAL[bin.name]!);
  if (bin.low === null && bin.high === null) return t("bin.all");
  if (bin.low === null) return t("bin.below", { high: show(bin.high!) });
  if (bin.high === null) return t("bin.from", { low: show(bin.low) });
  return t("bin.between", { low: show(bin.low), high: show(bin.high) });
}
