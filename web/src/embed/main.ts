/** embedded_sagecell.js: a classic script, so that pages can call it in the next line. */

import jQuery from "jquery";

import { install } from "./install";

install({ window, jQuery, load: (address) => import(/* @vite-ignore */ address) });
