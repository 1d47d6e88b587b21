import type { ComponentChildren } from "preact";
import type { Facets } from "../../api/overview";
import { count } from "../../format/number";
import { t, type Key } from "../../i18n";
import { language } from "../../store/preferences";
import {
  compact,
  filterByOwner,
  filterByTag,
  filterByText,
  groupBy,
  GROUPS,
  selection,
  showArchived,
  showCompact,
  sortBy,
  SORTS,
  type Sort,
} from "./selection";

export const SORT_LABELS: Record<Sort, Key> = {
  status: "status.label",
  name: "column.model",
  accuracy: "column.accuracy",
  error_rate: "column.errorRate",
  p95_seconds: "column.p95",
  throughput_per_second: "column.throughput",
  coverage: "column.coverage",
  drift: "column.drift",
  last_prediction_at: "column.updated",
};

interface Props {
  facets: Facets;
  /** How many models are archived. */
  archived: number;
}

/** Filter, groups and, where there is no room for column headers, the order. */
export function Toolbar({ facets, archived }: Props) {
  const chosen = selection.value;
  return (
    <div class="toolbar" role="search">
      <input
        type="search"
        class="filter"
        placeholder={t("overview.filter")}
        aria-label={t("overview.filter")}
        value={chosen.text}
        onInput={(event) => filterByText(event.currentTarget.value)}
      />
      <Facet label={t("overview.tag")} any={t("overview.anyTag")} counts={facets.tags} chosen={chosen.tag} onChoose={filterByTag} />
      <Facet label={t("overview.owner")} any={t("overview.anyOwner")} counts={facets.owners} chosen={chosen.owner} onChoose={filterByOwner} />
      <select
        aria-label={t("overview.group")}
        value={chosen.group}
        onChange={(event) => groupBy(GROUPS.find((each) => each === event.currentTarget.value) ?? "none")}
      >
        {GROUPS.map((group) => (
          <option key={group} value={group}>
            {t(`overview.group.${group}`)}
          </option>
        ))}
      </select>
      <Toggle on={compact.value} onClick={() => showCompact(!compact.value)}>
        {t("overview.compact")}
      </Toggle>
      {archived === 0 && !chosen.archived ? null : (
        <Toggle on={chosen.archived} onClick={() => showArchived(!chosen.archived)}>
          {t("overview.archived", { n: count(language.value, archived) })}
        </Toggle>
      )}
      <Sorting sort={chosen.sort} descending={chosen.descending} />
    </div>
  );
}

interface FacetProps {
  label: string;
  any: string;
  counts: Record<string, number>;
  chosen: string | null;
  onChoose: (name: string | null) => void;
}

/** One of the tags or owners there are; nothing where there are none. */
function Facet({ label, any, counts, chosen, onChoose }: FacetProps) {
  const names = Object.keys(counts);
  if (chosen !== null && counts[chosen] === undefined) names.unshift(chosen);
  if (names.length === 0) return null;
  return (
    <select aria-label={label} value={chosen ?? ""} onChange={(event) => onChoose(event.currentTarget.value === "" ? null : event.currentTarget.value)}>
      <option value="">{any}</option>
      {names.map((name) => (
        <option key={name} value={name}>
          {name} ({count(language.value, counts[name] ?? 0)})
        </option>
      ))}
    </select>
  );
}

function Toggle({ on, onClick, children }: { on: boolean; onClick: () => void; children: ComponentChildren }) {
  return (
    <button type="button" class="toggle" aria-pressed={on} onClick={onClick}>
      {children}
    </button>
  );
}

function Sorting({ sort, descending }: { sort: Sort; descending: boolean }) {
  return (
    <div class="narrow-only sorting">
      <select
        aria-label={t("overview.sort")}
        value={sort}
        onChange={(event) => sortBy(SORTS.find((each) => each === event.currentTarget.value) ?? "status")}
      >
        {SORTS.map((each) => (
          <option key={each} value={each}>
            {t(SORT_LABELS[each])}
          </option>
        ))}
      </select>
      <button type="button" class="plain" aria-label={t(descending ? "overview.descending" : "overview.ascending")} onClick={() => sortBy(sort)}>
        {descending ? "↓" : "↑"}
      </button>
    </div>
  );
}
