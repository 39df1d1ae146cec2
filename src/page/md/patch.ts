// SPDX-License-Identifier: Apache-2.0
//
// Makes the document say what the tree says with the fewest changes: a text that
// grew is appended to, so that what a reader has selected stays selected.
import { CodeBlock } from "./code";
import { formula } from "./math";
import type { Branch, Leaf } from "./tree";

const codeBlocks = new WeakMap<Node, CodeBlock>();

function create(leaf: Leaf): Node {
    if (typeof leaf === "string") return document.createTextNode(leaf);
    if (leaf.tag === "code-block") {
        const code = new CodeBlock(leaf.lang!);
        code.show(leaf.text!);
        codeBlocks.set(code.element, code);
        return code.element;
    }
    if (leaf.tag === "math") return formula(leaf.text!, leaf.display!, leaf.stays ?? false);
    const element = document.createElement(leaf.tag);
    for (const [name, value] of Object.entries(leaf.attrs)) setAttr(element, name, value);
    for (const kid of leaf.kids) element.append(create(kid));
    return element;
}

/** What is a property of its style is set as one: the page's policy has no attributes of that kind. */
function setAttr(element: HTMLElement, name: string, value: string): void {
    if (name.startsWith("--")) element.style.setProperty(name, value);
    else element.setAttribute(name, value);
}

function patchText(node: Text, was: string, is: string): void {
    if (was === is) return;
    let same = 0;
    while (same < was.length && was[same] === is[same]) same++;
    if (same < was.length) node.deleteData(same, was.length - same);
    if (same < is.length) node.appendData(is.slice(same));
}

function sameAttrs(a: Branch, b: Branch): boolean {
    const names = Object.keys(b.attrs);
    return names.length === Object.keys(a.attrs).length && names.every((n) => a.attrs[n] === b.attrs[n]);
}

/** Whether the element of `was` can become that of `is`. */
function fits(was: Branch, is: Branch): boolean {
    if (was.tag !== is.tag) return false;
    if (is.tag === "code-block") return was.lang === is.lang;
    if (is.tag === "math") return was.text === is.text && was.display === is.display;
    return true;
}

function patchElement(element: HTMLElement, was: Branch, is: Branch): void {
    if (is.tag === "code-block") return codeBlocks.get(element)!.show(is.text!);
    if (is.tag === "math") return;
    if (!sameAttrs(was, is)) {
        for (const name of Object.keys(was.attrs)) if (!(name in is.attrs)) element.removeAttribute(name);
        for (const [name, value] of Object.entries(is.attrs)) setAttr(element, name, value);
    }
    patch(element, was.kids, is.kids);
}

/** The children of `parent` from `from` on are those of `was`, and are those of `is` afterwards. */
export function patch(parent: Node, was: Leaf[], is: Leaf[], from = 0): void {
    let node: ChildNode | null = parent.childNodes[from] ?? null;
    for (let i = 0; i < Math.max(was.length, is.length); i++) {
        const a = was[i];
        const b = is[i];
        const next: ChildNode | null = a === undefined ? node : node!.nextSibling;
        if (b === undefined) node!.remove();
        else if (a === undefined) parent.insertBefore(create(b), node);
        else if (typeof a === "string" && typeof b === "string") patchText(node as Text, a, b);
        else if (typeof a !== "string" && typeof b !== "string" && fits(a, b)) patchElement(node as HTMLElement, a, b);
        else parent.replaceChild(create(b), node!);
        node = next;
    }
}
