/** Words that a page keeps in both languages side by side, as the dictionaries hold them. */

type Words<K extends string> = Readonly<Record<K, readonly [english: string, korean: string]>>;

export const english = <K extends string>(words: Words<K>): Record<K, string> => column(words, 0);
export const korean = <K extends string>(words: Words<K>): Record<K, string> => column(words, 1);

const column = <K extends string>(words: Words<K>, place: 0 | 1): Record<K, string> =>
  Object.fromEntries(Object.entries<readonly [string, string]>(words).map(([key, both]) => [key, both[place]])) as Record<K, string>;
