/** The drift of the version and segment that is looked at, kept up to date. */

import type { DriftReport, DriftWindow } from "../../../api/drift";
import { driftPath, driftWindowsPath } from "../../../api/paths";
import type { ModelSummary } from "../../../api/types";
import { seconds } from "../../../store/windows";
import { usePulse, useReading, type Reading } from "../reading";
import { against, driftWindow, focus, parseAgainst, tab, type Against } from "../view";

/** Milliseconds between two readings while a tab shows them, and while only the markers of the charts do. */
const REREAD_MS = 5_000;
const MARKERS_MS = 20_000;

/** Reading a day's windows costs the server as many panes as the windows are wide: they are read again that much more rarely. */
const WIDE_MS = 30_000;

export interface DriftReading extends Reading<DriftReport> {
  /** What the report that is held was compared with. */
  against: Against;
}

/** The newest data against the reference; on the drift tab those of the window that is picked, against what is chosen there. */
export function useDriftReport(model: ModelSummary): DriftReading {
  const charts = tab.value === "performance" || tab.value === "segments";
  const picked = tab.value === "drift" ? driftWindow.value : null;
  const pulse = usePulse(model.changed_seq, charts ? MARKERS_MS : REREAD_MS);
  const chosen = tab.value === "drift" && against.value !== "reference" ? against.value : null;
  const reading = useReading<DriftReport>(driftPath(model.name, { ...focus.value, ...rangeOf(picked), against: chosen }), pulse);
  return { ...reading, against: parseAgainst(new URLSearchParams(reading.path.split("?")[1])) };
}

export function useDriftWindows(model: ModelSummary, resolution: number | null): Reading<DriftWindow[]> {
  const pulse = usePulse(model.changed_seq, resolution === null ? REREAD_MS : WIDE_MS);
  return useReading<DriftWindow[]>(driftWindowsPath(model.name, { ...focus.value, from: null, to: null, resolution }), pulse);
}

/** The range of a picked window, `<start>/<end>` in the address; none if it is not one. */
function rangeOf(picked: string | null): { from: string | null; to: string | null } {
  const [from, to] = (picked ?? "").split("/");
  return from !== undefined && to !== undefined && seconds(from) < seconds(to) ? { from, to } : { from: null, to: null };
}
