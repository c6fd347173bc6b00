/** The entry of the admin page. */

import { AdminPage } from "./admin/page";
import { AdminServer } from "./admin/server";
import { browserClock } from "./dom/clock";
import "./styles/admin/index.css";

const page = new AdminPage({
  document,
  server: new AdminServer((path, init) => fetch(path, init)),
  clock: browserClock,
  confirm: (question) => window.confirm(question),
});
page.start();
