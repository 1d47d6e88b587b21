import { expect, test } from "vitest";
import { chooseLanguage } from "../store/preferences";
import { DICTIONARIES, fill, isKey, type Key } from ".";

const { en, ko } = DICTIONARIES;
const holes = (text: string): string[] => [...text.matchAll(/\{(\w+)\}/g)].map((match) => match[1]!).sort();

test("both dictionaries have the same keys, none of them empty", () => {
  expect(Object.keys(ko).sort()).toEqual(Object.keys(en).sort());
  for (const text of [...Object.values(en), ...Object.values(ko)]) expect(text.trim()).not.toBe("");
});

test("a translation fills in what the original fills in", () => {
  for (const key of Object.keys(en) as Key[]) expect([key, holes(ko[key])]).toEqual([key, holes(en[key])]);
});

test("a name that looks like a placeholder is put in as it is", () => {
  expect(fill("Class {name}", { name: "{n} <b>$&</b>" })).toBe("Class {n} <b>$&</b>");
});

test("a metric nobody named is no key", () => {
  expect(isKey("metric.accuracy")).toBe(true);
  expect(isKey("metric.toString")).toBe(false);
  expect(isKey("toString")).toBe(false);
});

test("the language is the stored one, then the browser's first that we speak, then English", () => {
  expect(chooseLanguage("en", ["ko-KR"])).toBe("en");
  expect(chooseLanguage(null, ["fr", "ko-KR", "en"])).toBe("ko");
  expect(chooseLanguage("xx", ["fr"])).toBe("en");
});
