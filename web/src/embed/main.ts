/** embedded_sagecell.js: a classic script, so that `sagecell` exists for the next script. */

import jQuery from "jquery";

import { install } from "./install";

install({ window, jQuery, load: (address) => import(/* @vite-ignore */ address) });
