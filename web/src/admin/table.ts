/** A table whose rows stay the same elements while their content changes, so that the focus stays. */

import { button } from "../dom/elements";

/** A column: its title, and the text of a row in it. */
export interface Column<Row> {
  readonly title: string;
  readonly text: (row: Row) => string;
  readonly isNumber?: boolean;
}

/** What can be done with a row. */
export interface RowAction<Row> {
  readonly label: string;
  /** What a screen reader calls the button. */
  readonly name: (row: Row) => string;
  readonly act: (row: Row) => void;
}

/** How a table is made; `key` names its rows, which is not always unique; `none` is shown when there are none. */
export interface TableOptions<Row> {
  readonly title: string;
  readonly columns: readonly Column<Row>[];
  readonly key: (row: Row) => string;
  readonly none: string;
  readonly action?: RowAction<Row>;
}

interface Line<Row> {
  readonly element: HTMLTableRowElement;
  readonly cells: readonly HTMLTableCellElement[];
  button: HTMLButtonElement | null;
  row: Row;
}

/** A section with a heading and a table. */
export class Table<Row> {
  readonly element = document.createElement("section");
  readonly #options: TableOptions<Row>;
  readonly #scroller = document.createElement("div");
  readonly #body = document.createElement("tbody");
  readonly #none = document.createElement("p");
  #lines = new Map<string, Line<Row>>();

  constructor(options: TableOptions<Row>) {
    this.#options = options;
    const heading = document.createElement("h2");
    heading.textContent = options.title;
    // It scrolls by itself on a narrow screen, also with the keyboard.
    this.#scroller.className = "admin_scroller";
    this.#scroller.tabIndex = 0;
    this.#scroller.setAttribute("role", "region");
    this.#scroller.setAttribute("aria-label", options.title);
    const table = document.createElement("table");
    table.append(this.#head(), this.#body);
    this.#scroller.append(table);
    this.#none.textContent = options.none;
    this.#none.className = "admin_none";
    this.element.append(heading, this.#scroller, this.#none);
  }

  /** Shows these rows, in this order. */
  update(rows: readonly Row[]): void {
    this.#scroller.hidden = rows.length === 0;
    this.#none.hidden = rows.length > 0;
    const lines = new Map<string, Line<Row>>();
    for (const row of rows) {
      let key = this.#options.key(row);
      // Shortened names may be the same.
      while (lines.has(key)) key += "'";
      const line = this.#lines.get(key) ?? this.#line(row);
      this.#fill(line, row);
      lines.set(key, line);
    }
    // First, so that the others need not be moved: what is moved loses the focus.
    for (const [key, line] of this.#lines) if (!lines.has(key)) line.element.remove();
    let place = this.#body.firstChild;
    for (const { element } of lines.values()) {
      if (element === place) place = place.nextSibling;
      else this.#body.insertBefore(element, place);
    }
    this.#lines = lines;
  }

  #head(): HTMLTableSectionElement {
    const head = document.createElement("thead");
    const row = head.insertRow();
    for (const { title, isNumber } of this.#options.columns) {
      const cell = document.createElement("th");
      cell.scope = "col";
      cell.textContent = title;
      cell.classList.toggle("admin_number", isNumber === true);
      row.append(cell);
    }
    // The last column has buttons, which have names.
    if (this.#options.action !== undefined) row.insertCell();
    return head;
  }

  #line(row: Row): Line<Row> {
    const { action, columns } = this.#options;
    const element = document.createElement("tr");
    const cells = columns.map(({ isNumber }) => {
      const cell = element.insertCell();
      cell.classList.toggle("admin_number", isNumber === true);
      return cell;
    });
    const line: Line<Row> = { element, cells, button: null, row };
    if (action !== undefined) {
      line.button = button(action.label, "admin_button", () => action.act(line.row));
      element.insertCell().append(line.button);
    }
    return line;
  }

  #fill(line: Line<Row>, row: Row): void {
    line.row = row;
    this.#options.columns.forEach(({ text }, at) => {
      const [cell, shown] = [line.cells[at], text(row)];
      // Unchanged text is left alone, which may be selected.
      if (cell !== undefined && cell.textContent !== shown) cell.textContent = shown;
    });
    line.button?.setAttribute("aria-label", this.#options.action?.name(row) ?? "");
  }
}
