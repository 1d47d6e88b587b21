/** The theme's colours as a canvas needs them: resolved, because a canvas does not know custom properties. */

const TOKENS = ["text", "muted", "line", "surface", "series-1", "series-2", "series-3", "band", "band-2", "band-3", "area", "threshold", "drift"] as const;
export type Token = (typeof TOKENS)[number];
export type Colours = Record<Token, string>;

export function readColours(): Colours {
  const probe = document.createElement("span");
  probe.hidden = true;
  document.body.append(probe);
  const colours = {} as Colours;
  for (const token of TOKENS) {
    probe.style.color = `var(--${token})`;
    colours[token] = getComputedStyle(probe).color;
  }
  probe.remove();
  return colours;
}
