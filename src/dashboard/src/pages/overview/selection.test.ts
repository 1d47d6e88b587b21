import { expect, test } from "vitest";
import { listOf } from "./feed";
import { parseSelection } from "./selection";
import { visibleRows } from "./use-visible";

test("an address says which models are shown, and what makes no sense in it is passed over", () => {
  const parsed = parseSelection(new URLSearchParams("q=fra&status=stale&sort=drift&order=desc&group=tag&tag=kr&archived=true"));
  expect(parsed).toEqual({ text: "fra", status: "stale", tag: "kr", owner: null, archived: true, sort: "drift", descending: true, group: "tag" });
  expect(parseSelection(new URLSearchParams("status=purple&sort=colour&group=moon"))).toMatchObject({ status: null, sort: "status", group: "none" });
});

test("the server is asked for what the address says and no more", () => {
  const asked = listOf(parseSelection(new URLSearchParams("q=%20fra&owner=risk")));
  expect(asked).toEqual({ q: "fra", sort: "status", group: "none", archived: false, owner: "risk" });
});

test("only the rows on screen are built, wherever the page is scrolled to", () => {
  expect(visibleRows(300, 900, 58, 10_000)).toEqual({ first: 0, end: 17 });
  const middle = visibleRows(-290_000, 900, 58, 10_000);
  expect(middle.end - middle.first).toBeLessThan(40);
  expect(visibleRows(-10_000_000, 900, 58, 10)).toEqual({ first: 10, end: 10 });
});
