import { expect, test } from "vitest";
import type { HostSeries } from "../../api/jobs";
import { cellOf } from "../jobs/figures";
import { groupsOf, titleOf, unitOf } from "./series";
import { lineOf } from "./trail";

const series = (name: string, labels: Record<string, string> = {}, unit: string | null = null): HostSeries => ({
  name,
  labels: { server: "web-01", ...labels },
  value: 1,
  unit,
  at: "2026-01-01T00:00:00Z",
  trail: [],
});

test("series are grouped by what they are of, cores in the order of their numbers", () => {
  const groups = groupsOf([
    series("tidewatch_cpu_usage_percent", { core: "10" }),
    series("tidewatch_cpu_usage_percent", { core: "2" }),
    series("tidewatch_gpu_power_watts", { gpu: "0", uuid: "GPU-1" }),
    series("tidewatch_pressure_io_waiting_seconds_total"),
    series("tidewatch_inodes_used", { mount: "/" }),
  ]);
  expect(groups.map(({ group, series: of }) => [group, of.map(titleOf)])).toEqual([
    ["cpu", ["cpu_usage_percent core=2", "cpu_usage_percent core=10"]],
    ["disk", ["inodes_used mount=/"]],
    ["gpu", ["gpu_power_watts gpu=0"]],
    ["other", ["pressure_io_waiting_seconds_total"]],
  ]);
});

test("a unit is what the series says, or the end of its name", () => {
  expect(unitOf(series("tidewatch_disk_read_bytes_total"))).toBe("bytes");
  expect(unitOf(series("tidewatch_cpu_usage_percent"))).toBe("percent");
  expect(unitOf(series("tidewatch_cpu_load_average_1m"))).toBeNull();
  expect(unitOf(series("x_bytes", {}, "kB"))).toBe("kB");
});

test("a line goes from the first value to the last, and a flat one lies in the middle", () => {
  expect(lineOf([[0, 1], [5, 3], [10, 2]], 100, 10)).toBe("M0.0 10.0L50.0 0.0L100.0 5.0");
  expect(lineOf([[0, 4], [10, 4]], 100, 10)).toBe("M0.0 5.0L100.0 5.0");
});

test("the cell of a job is what the requirement writes", () => {
  const figures = { cpu_percent_avg: 45.3, cpu_percent_max: 78.2, ram_mb_avg: 2048.5, ram_mb_peak: 3072, gpu_vram_mb_current: 0, gpu_vram_mb_peak: 0, gpu_percent: 0, processing_time_sec: 15.8 };
  expect(cellOf(figures)).toBe("CPU: 45% | RAM: 3072MB");
});
