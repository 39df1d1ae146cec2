// SPDX-License-Identifier: Apache-2.0
//
// The site's own colour, in place of the page's: made lighter or darker until it
// can be read on both grounds. One that is no colour changes nothing.

type Rgb = [number, number, number];

const LIGHT: Rgb = [252, 252, 250];
const DARK: Rgb = [21, 23, 21];
const BLACK: Rgb = [0, 0, 0];
const WHITE: Rgb = [255, 255, 255];

/** What WCAG 2.2 asks of text (1.4.3). */
const ENOUGH = 4.5;

function luminance(colour: Rgb): number {
    const [r, g, b] = colour.map((c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4)) as Rgb;
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast(a: Rgb, b: Rgb): number {
    const [dark, light] = [luminance(a), luminance(b)].sort((x, y) => x - y) as [number, number];
    return (light + 0.05) / (dark + 0.05);
}

const mix = (a: Rgb, b: Rgb, part: number): Rgb => a.map((c, i) => Math.round(c + (b[i]! - c) * part)) as Rgb;

/** As near to the colour as can be read on that ground. */
function legible(colour: Rgb, ground: Rgb, towards: Rgb): Rgb {
    for (let part = 0; part < 1; part += 0.05) {
        const c = mix(colour, towards, part);
        if (contrast(c, ground) >= ENOUGH) return c;
    }
    return towards;
}

const css = (c: Rgb) => `rgb(${c.join(" ")})`;
const on = (c: Rgb): Rgb => (contrast(c, WHITE) >= ENOUGH ? WHITE : BLACK);

export function paint(accent: string): void {
    const hex = /^#([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})$/i.exec(accent);
    if (!hex) return;
    const colour = hex.slice(1).map((h) => parseInt(h, 16)) as Rgb;
    const [light, dark] = [legible(colour, LIGHT, BLACK), legible(colour, DARK, WHITE)];
    const { style } = document.documentElement;
    style.setProperty("--primary", `light-dark(${css(light)}, ${css(dark)})`);
    style.setProperty("--primary-foreground", `light-dark(${css(on(light))}, ${css(on(dark))})`);
    style.setProperty("--accent", `light-dark(${css(mix(LIGHT, light, 0.1))}, ${css(mix(DARK, dark, 0.16))})`);
    style.setProperty("--selected", `light-dark(${css(mix(LIGHT, light, 0.16))}, ${css(mix(DARK, dark, 0.2))})`);
}
