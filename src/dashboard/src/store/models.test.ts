import { expect, test } from "vitest";
import { frame, model } from "../testing";
import { addModels, foldModels, noModels, type Models } from "./models";

const names = (state: Models): string[] => [...state.byName.keys()];

const held = foldModels(noModels, frame("snapshot", 10, { models: [model("a", { changed_seq: 8 }), model("b")], total: 2 })).state;

test("a snapshot replaces everything", () => {
  const { state, verdict } = foldModels(held, frame("snapshot", 20, { models: [model("c")], total: 1 }));
  expect(verdict).toBe("applied");
  expect(names(state)).toEqual(["c"]);
  expect(state.appliedSeq).toBe(20);
});

test("a change replaces the models it names and keeps the others", () => {
  const { state } = foldModels(held, frame("change", 12, { models: [model("b", { changed_seq: 12, predictions: 5 }), model("c")], total: 3 }));
  expect(names(state)).toEqual(["a", "b", "c"]);
  expect(state.byName.get("b")?.predictions).toBe(5);
  expect(state.byName.get("a")).toBe(held.byName.get("a"));
  expect(state.total).toBe(3);
});

test("a change before any snapshot asks for one", () => {
  const { state, verdict } = foldModels(noModels, frame("change", 12, { models: [model("a")] }));
  expect(verdict).toBe("resync");
  expect(state).toEqual(noModels);
});

test("a frame older than the last one is dropped, snapshot or change", () => {
  expect(foldModels(held, frame("change", 9, { models: [model("z")] }))).toEqual({ state: held, verdict: "dropped" });
  expect(foldModels(held, frame("snapshot", 9, { models: [] }))).toEqual({ state: held, verdict: "dropped" });
});

test("a frame at the same position is applied: saying a thing twice does no harm", () => {
  expect(foldModels(held, frame("change", 10, { models: [model("a", { changed_seq: 8 })] })).verdict).toBe("applied");
});

test("an older version of one model inside a newer frame is not taken", () => {
  const { state } = foldModels(held, frame("change", 12, { models: [model("a", { changed_seq: 7, predictions: 99 })] }));
  expect(state.byName.get("a")?.predictions).toBe(0);
});

test("a change of another epoch empties the state and asks for a snapshot", () => {
  const { state, verdict } = foldModels(held, frame("change", 3, { models: [model("a")] }, 2));
  expect(verdict).toBe("resync");
  expect(state).toEqual(noModels);
});

test("a snapshot of another epoch is taken although its position is lower", () => {
  const { state, verdict } = foldModels(held, frame("snapshot", 3, { models: [model("a")], total: 1 }, 2));
  expect(verdict).toBe("applied");
  expect(state).toMatchObject({ epoch: 2, appliedSeq: 3, total: 1 });
});

test("after a resume the change since our place is enough", () => {
  const { state, verdict } = foldModels(held, frame("change", 50, { models: [model("b", { changed_seq: 40, errors: 2 })], total: 2 }));
  expect(verdict).toBe("applied");
  expect(names(state)).toEqual(["a", "b"]);
  expect(state.byName.get("b")?.errors).toBe(2);
});

test("a long snapshot follows as changes, and the total is known from the start", () => {
  const first = foldModels(noModels, frame("snapshot", 4, { models: [model("a")], total: 3 })).state;
  expect(first.total).toBe(3);
  const second = foldModels(first, frame("change", 9, { models: [model("b"), model("c")], total: 3 })).state;
  expect(names(second)).toEqual(["a", "b", "c"]);
});

test("models read over HTTP never overwrite what a frame has said since", () => {
  const filled = addModels({ ...held, total: 5 }, [model("a", { changed_seq: 2, predictions: 1 }), model("c", { changed_seq: 2 })]);
  expect(names(filled)).toEqual(["a", "b", "c"]);
  expect(filled.byName.get("a")?.predictions).toBe(0);
  expect(filled.total).toBe(5);
});
