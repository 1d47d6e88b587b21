import { useEffect, useState } from "preact/hooks";
import { theme } from "../store/preferences";
import { readColours, type Colours } from "./colours";

/** The colours of the theme in force; changes with the theme and with the system's. */
export function useColours(): Colours {
  const [colours, setColours] = useState(readColours);
  const chosen = theme.value;
  useEffect(() => {
    const follow = (): void => setColours(readColours());
    follow();
    const media = matchMedia("(prefers-color-scheme: dark)");
    media.addEventListener("change", follow);
    return () => media.removeEventListener("change", follow);
  }, [chosen]);
  return colours;
}
