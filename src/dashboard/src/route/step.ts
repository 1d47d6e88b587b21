/**
 * A name as one step of a path. Every URL parser takes `.` and `..` for directions, percent-encoded too, and drops them. So a name
 * that is one or two dots, with any number of `~` before them, carries one `~` more, here and in the API: `.` is `~.`.
 */

const DOTS = /^~*\.{1,2}$/;

export const stepOf = (name: string): string => (DOTS.test(name) ? `~${name}` : encodeURIComponent(name));

/** Undoes `stepOf`. Throws on what is no percent-encoding. */
export function nameOf(step: string): string {
  const name = decodeURIComponent(step);
  return name.startsWith("~") && DOTS.test(name) ? name.slice(1) : name;
}
