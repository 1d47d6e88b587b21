/** What the beginning of a training set says of its columns. Pure. */

/** Bytes that are read of a file to name its columns. */
export const HEAD_BYTES = 65_536;

/**
 * The columns of a file that begins with `head`: of CSV those of the first line, of JSON Lines the names in the first object. None where
 * that cannot be told, as in Parquet and what is compressed.
 */
export function columnsIn(head: string): string[] {
  if (/[\0\uFFFD]/.test(head)) return [];
  const text = head.replace(/^\uFEFF/, "").trimStart();
  if (text.startsWith("{")) return namesIn(text);
  const read = SEPARATORS.map((separator) => cellsOf(text, separator));
  return read.reduce((most, cells) => (most.length < cells.length ? cells : most), []);
}

/** The most usual first. */
const SEPARATORS = [",", ";", "\t", "|"] as const;

function namesIn(text: string): string[] {
  try {
    return Object.keys(JSON.parse(text.split("\n", 1)[0]!) as object);
  } catch {
    return [];
  }
}

/** The cells of the first record (RFC 4180): quoted where they hold a separator, a quote, twice each, or a line's end. */
function cellsOf(text: string, separator: string): string[] {
  const cells: string[] = [];
  const cell = new RegExp(`("(?:[^"]|"")*"|[^"\\${separator}\\r\\n]*)(\\${separator}|\\r?\\n|$)`, "y");
  for (;;) {
    const found = cell.exec(text);
    if (found === null) return [];
    const [, value, end] = found as unknown as [string, string, string];
    cells.push(value.startsWith('"') ? value.slice(1, -1).replaceAll('""', '"') : value);
    if (end !== separator) return cells.length === 1 && cells[0] === "" ? [] : cells;
  }
}

const USUAL = {
  prediction: ["prediction", "predicted", "y_pred"],
  score: ["score", "confidence", "probability", "y_score", "proba"],
} as const;

/** The column that is usually the prediction or the score, if there is one. */
export const usual = (columns: readonly string[], what: keyof typeof USUAL): string | null =>
  USUAL[what].map((name) => columns.find((each) => each.toLowerCase() === name)).find((found) => found !== undefined) ?? null;
