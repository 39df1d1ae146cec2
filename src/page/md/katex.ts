// SPDX-License-Identifier: Apache-2.0
//
// KaTeX and its styles, in a file that is fetched with the first formula.
import "katex/dist/katex.min.css";
export { default } from "katex";
