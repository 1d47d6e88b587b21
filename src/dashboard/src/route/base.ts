/**
 * Where the dashboard lies on its host: `/`, or below the path of a proxy, such as `/tidewatch/`. Nobody configures it: the built files lie in
 * `assets` directly below it, and this one knows its own address. The rest of the host belongs to others.
 */

export function baseOf(module: string): string {
  const { pathname } = new URL(module);
  return /\/assets\/[^/]+$/.test(pathname) ? pathname.replace(/assets\/[^/]+$/, "") : "/";
}

export const BASE = baseOf(import.meta.url);

/** The address on this host of `path`, which begins with `/` and is ours. */
export const at = (path: string, base = BASE): string => base + path.slice(1);

/** Undoes `at`: what an address of this host is to us. */
export function within(pathname: string, base = BASE): string {
  if (pathname.startsWith(base)) return `/${pathname.slice(base.length)}`;
  return `${pathname}/` === base ? "/" : pathname;
}
