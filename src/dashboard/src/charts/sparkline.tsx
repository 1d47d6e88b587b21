import type { TrailMinute } from "../api/overview";
import { percent } from "../format/number";
import { t } from "../i18n";
import { language } from "../store/preferences";
import { trailOf } from "./trail";

const WIDTH = 120;
const HEIGHT = 30;

export function Sparkline({ trail }: { trail: readonly TrailMinute[] }) {
  const shape = trailOf(trail, WIDTH, HEIGHT);
  if (shape === null) return <span class="missing">{t("value.noLabels")}</span>;
  const show = (value: number): string => percent(language.value, value);
  const label = t("value.trail", { first: show(shape.first), last: show(shape.last), low: show(shape.low), high: show(shape.high) });
  return (
    <svg class="spark" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} width={WIDTH} height={HEIGHT} role="img" aria-label={label}>
      <title>{label}</title>
      <path d={shape.line} />
      {shape.dots.map((dot) => (
        <circle key={dot.x} cx={dot.x} cy={dot.y} r="2" />
      ))}
    </svg>
  );
}
