/** What the reader chose: language and theme. Remembered in this browser; never sent anywhere. */

import { effect, signal } from "@preact/signals";
import type { Locale } from "../format/number";

export type Theme = "system" | "light" | "dark";

const LANGUAGE_KEY = "tidewatch.language";
const THEME_KEY = "tidewatch.theme";

/** The stored choice, else the first of the browser's languages that we speak, else English. */
export function chooseLanguage(stored: string | null, wanted: readonly string[]): Locale {
  if (stored === "en" || stored === "ko") return stored;
  for (const tag of wanted) {
    const language = tag.toLowerCase().split("-")[0];
    if (language === "en" || language === "ko") return language;
  }
  return "en";
}

/** Storage can be forbidden; then a choice lasts as long as the page. */
function read(key: string): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

function write(key: string, value: string): void {
  try {
    localStorage.setItem(key, value);
  } catch {
    return;
  }
}

const browser = typeof document !== "undefined";
const storedTheme = browser ? read(THEME_KEY) : null;

export const language = signal<Locale>(browser ? chooseLanguage(read(LANGUAGE_KEY), navigator.languages) : "en");
export const theme = signal<Theme>(storedTheme === "light" || storedTheme === "dark" ? storedTheme : "system");

export function setLanguage(next: Locale): void {
  language.value = next;
  write(LANGUAGE_KEY, next);
}

export function setTheme(next: Theme): void {
  theme.value = next;
  write(THEME_KEY, next);
}

/** Keeps `<html lang data-theme>` in step with the choices. */
export function reflectPreferences(root: HTMLElement): void {
  effect(() => {
    root.lang = language.value;
    if (theme.value === "system") delete root.dataset["theme"];
    else root.dataset["theme"] = theme.value;
  });
}
