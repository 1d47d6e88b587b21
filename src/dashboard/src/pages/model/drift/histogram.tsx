/** Before, which is mostly the reference, against now as bars: small and without words in a list, and large with every bin named. */

import type { Bin } from "../../../api/drift";
import { count, MISSING, percent } from "../../../format/number";
import { t } from "../../../i18n";
import { Scroller } from "../../../shell/scroller";
import { language } from "../../../store/preferences";
import { foremost, pairsOf, tallest, type Pair } from "./shares";
import { binName } from "./words";

const WIDTH = 112;
const HEIGHT = 32;
const BARS_MAX = 24;
const ROWS_MAX = 20;

export function MiniHistogram({ bins, name, before }: { bins: readonly Bin[]; name: string; before: string }) {
  if (bins.length === 0) return <span class="missing">{MISSING}</span>;
  const { pairs, rest } = foremost(pairsOf(bins), BARS_MAX);
  const all = rest === null ? pairs : [...pairs, rest];
  const unit = (HEIGHT - 1) / tallest(all);
  const slot = WIDTH / all.length;
  const air = Math.min(2, slot * 0.2);
  const bar = (share: number | null): { y: number; height: number } => {
    const height = share === null || share === 0 ? 0 : Math.max(1, share * unit);
    return { y: HEIGHT - height, height };
  };
  return (
    <svg class="mini" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} width={WIDTH} height={HEIGHT} role="img" aria-label={t("histogram.mini", { name, before })}>
      <path class="ground" d={`M0 ${HEIGHT - 0.5}H${WIDTH}`} />
      {all.map((pair, index) => (
        <g key={index}>
          <rect class="reference" x={index * slot + air / 2} width={slot - air} {...bar(pair.reference)} />
          <rect class="current" x={index * slot + slot * 0.3} width={slot * 0.4} {...bar(pair.current)} />
        </g>
      ))}
    </svg>
  );
}

export function Histogram({ bins, before }: { bins: readonly Bin[]; before: string }) {
  const locale = language.value;
  const pairs = pairsOf(bins);
  const { pairs: shown, rest, restCount } = foremost(pairs, ROWS_MAX);
  const most = tallest(rest === null ? shown : [...shown, rest]);
  const row = (pair: Pair, name: string, key: string) => (
    <tr key={key}>
      <th scope="row" title={name}>
        {name}
      </th>
      <td class="bars">
        <Bars pair={pair} most={most} />
      </td>
      <td title={t("value.n", { n: count(locale, pair.bin.reference) })}>{percent(locale, pair.reference)}</td>
      <td title={t("value.n", { n: count(locale, pair.bin.current) })}>{percent(locale, pair.current)}</td>
    </tr>
  );
  return (
    <Scroller label={t("histogram.title")}>
      <table class="data histogram">
        <caption>{t("histogram.title")}</caption>
        <thead>
          <tr>
            <th scope="col">{t("histogram.bin")}</th>
            <th scope="col" class="bars">
              <span class="visually-hidden">{t("histogram.title")}</span>
            </th>
            <th scope="col">
              <span class="swatch reference" /> {before}
            </th>
            <th scope="col">
              <span class="swatch current" /> {t("histogram.current")}
            </th>
          </tr>
        </thead>
        <tbody>
          {shown.map((pair, index) => row(pair, binName(pair.bin), `${index} ${pair.bin.name}`))}
          {rest === null ? null : row(rest, t("histogram.rest", { n: restCount }), "rest")}
        </tbody>
      </table>
    </Scroller>
  );
}

function Bars({ pair, most }: { pair: Pair; most: number }) {
  const length = (share: number | null): number => ((share ?? 0) / most) * 100;
  return (
    <svg class="pair" viewBox="0 0 100 14" preserveAspectRatio="none" aria-hidden="true">
      <rect class="reference" x="0" y="0" width={length(pair.reference)} height="6" />
      <rect class="current" x="0" y="7.5" width={length(pair.current)} height="6" />
    </svg>
  );
}
