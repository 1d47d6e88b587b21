/** What a job has cost: the eight figures as a list, and as the cell of a table. */

import type { Performance } from "../../api/jobs";
import { decimal, duration } from "../../format/number";
import { t } from "../../i18n";
import { language } from "../../store/preferences";

export const megabytes = (value: number): string => `${decimal(language.value, value, 5)} MB`;
export const percentage = (value: number): string => `${decimal(language.value, value, 4)}%`;
export const seconds = (value: number): string => duration(language.value, value);

/** `CPU: 45% | RAM: 3072MB`, in whole numbers as requirement C5 has it. */
export const cellOf = (of: Performance): string => `CPU: ${Math.round(of.cpu_percent_avg)}% | RAM: ${Math.round(of.ram_mb_peak)}MB`;

export function Figures({ of }: { of: Performance }) {
  const shown: [string, string][] = [
    [t("jobs.cpuAvg"), percentage(of.cpu_percent_avg)],
    [t("jobs.cpuMax"), percentage(of.cpu_percent_max)],
    [t("jobs.ramAvg"), megabytes(of.ram_mb_avg)],
    [t("jobs.ramPeak"), megabytes(of.ram_mb_peak)],
    [t("jobs.vramNow"), megabytes(of.gpu_vram_mb_current)],
    [t("jobs.vramPeak"), megabytes(of.gpu_vram_mb_peak)],
    [t("jobs.gpu"), percentage(of.gpu_percent)],
    [t("jobs.time"), seconds(of.processing_time_sec)],
  ];
  return (
    <dl class="figures-grid">
      {shown.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}
