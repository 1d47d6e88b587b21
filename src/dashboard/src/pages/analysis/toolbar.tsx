import { t } from "../../i18n";
import { filterByText, selection } from "./selection";

export function Toolbar() {
  return (
    <div class="toolbar" role="search">
      <input
        type="search"
        class="filter"
        placeholder={t("analysis.filter")}
        aria-label={t("analysis.filter")}
        value={selection.value.text}
        onInput={(event) => filterByText(event.currentTarget.value)}
      />
    </div>
  );
}
