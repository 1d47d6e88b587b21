import { expect, test } from "vitest";
import { columnsIn, usual } from "./training";

test("the columns of a file are those of its header, whatever they are called", () => {
  expect(columnsIn("amount,age,prediction\n1,2,ok\n")).toEqual(["amount", "age", "prediction"]);
  expect(columnsIn('\uFEFF"a, b","say ""hi""","two\nlines",금액\r\n1,2,3,4')).toEqual(["a, b", 'say "hi"', "two\nlines", "금액"]);
  expect(columnsIn("alone")).toEqual(["alone"]);
  expect(columnsIn('{"amount": 1, "score": 0.5}\n{"other": 2}\n')).toEqual(["amount", "score"]);
});

test("any usual separator parts the columns", () => {
  for (const separator of [";", "\t", "|"]) expect(columnsIn(`amount${separator}a, b${separator}p\n1,5${separator}2${separator}3`)).toEqual(["amount", "a, b", "p"]);
});

test("of what is no table no columns are told", () => {
  for (const head of ["", "\n", '{"cut off": "in the mid', '"cut off, in the mid', "PAR1\0\u0015", "\u001F\uFFFD\b"]) expect(columnsIn(head)).toEqual([]);
});

test("prediction and score are found by their usual names", () => {
  const columns = ["age", "Y_PRED", "confidence", "score"];
  expect([usual(columns, "prediction"), usual(columns, "score")]).toEqual(["Y_PRED", "score"]);
  expect(usual(["age"], "prediction")).toBeNull();
});
