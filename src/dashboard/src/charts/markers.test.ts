import { expect, test } from "vitest";
import { window } from "../testing";
import { markersIn } from "./markers";

test("a marker belongs to the window it stands in, and to the later one on the line between two", () => {
  const at = Date.parse(window(1).start) / 1000;
  const markers = [{ at, detected: true, text: "amount: drift" }];
  expect(markersIn(markers, window(0))).toEqual([]);
  expect(markersIn(markers, window(1))).toEqual(markers);
});
