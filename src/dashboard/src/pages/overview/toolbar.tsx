import { t, type Key } from "../../i18n";
import { filterByText, selection, sortBy } from "./selection";
import { SORTS, type Sort } from "./order";

export const SORT_LABELS: Record<Sort, Key> = {
  status: "status.label",
  name: "column.model",
  accuracy: "column.accuracy",
  error_rate: "column.errorRate",
  p95: "column.p95",
  throughput: "column.throughput",
  coverage: "column.coverage",
  drift: "column.drift",
  updated: "column.updated",
};

/** Filter and, where there is no room for column headers, the order. */
export function Toolbar() {
  const { text, sort, descending } = selection.value;
  return (
    <div class="toolbar" role="search">
      <input
        type="search"
        class="filter"
        placeholder={t("overview.filter")}
        aria-label={t("overview.filter")}
        value={text}
        onInput={(event) => filterByText(event.currentTarget.value)}
      />
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
    </div>
  );
}
