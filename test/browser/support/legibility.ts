import type { Page } from "playwright-core";

// Run in the page as text: the tests are not compiled for a browser.

/** Texts on the page whose contrast with what they stand on is below 4.5, as WCAG 2.2 reckons it. */
export async function illegibleTexts(page: Page): Promise<string[]> {
  return page.evaluate<string[]>(`(() => {
    ${colours}
    return [...document.querySelectorAll("body *")]
      .filter((one) => [...one.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim()))
      .filter((one) => one.checkVisibility({ opacityProperty: true, visibilityProperty: true }) && one.closest(".unseen, .skip") === null)
      .map((one) => [one, ratio(getComputedStyle(one).color, behind(one))])
      .filter(([, contrast]) => contrast < 4.5)
      .map(([one, contrast]) => contrast.toFixed(2) + ": " + one.textContent.trim().slice(0, 40));
  })()`);
}

/** Fields and buttons whose edge, and focus whose ring, has a contrast below 3. */
export async function faintEdges(page: Page): Promise<string[]> {
  return page.evaluate<string[]>(`(() => {
    ${colours}
    const faint = [];
    const focused = document.activeElement;
    for (const one of document.querySelectorAll(".composer textarea, #panel input, .round-button")) {
      // What is behind a dialog cannot have the focus.
      if (!one.checkVisibility() || one.closest("dialog[open]") !== document.querySelector("dialog[open]")) continue;
      const style = getComputedStyle(one);
      const edge = style.borderTopWidth === "0px" ? style.backgroundColor : style.borderTopColor;
      if (ratio(edge, behind(one.parentElement)) < 3) faint.push("edge of " + one.id);
      one.focus({ focusVisible: true });
      if (getComputedStyle(one).outlineStyle === "none") faint.push("no ring of " + one.id);
      if (ratio(getComputedStyle(one).outlineColor, behind(one.parentElement)) < 3) faint.push("ring of " + one.id);
    }
    focused?.focus();
    return faint;
  })()`);
}

/** Controls that are smaller than 44 by 44 pixels. */
export async function smallTargets(page: Page): Promise<string[]> {
  return page.evaluate<string[]>(`[...document.querySelectorAll("button, input, textarea, summary")]
    .filter((one) => one.checkVisibility({ opacityProperty: true, visibilityProperty: true }) && one.closest("[inert]") === null)
    .map((one) => [one, one.getBoundingClientRect()])
    .filter(([, { width, height }]) => width < 43.9 || height < 43.9)
    .map(([one, { width, height }]) => width + " x " + height + ": " + (one.ariaLabel ?? one.textContent).trim())`);
}

// A canvas knows every way to write a colour, and how one lies over another.
const colours = `
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = 1;
  const paint = canvas.getContext("2d", { willReadFrequently: true });
  const over = (...stack) => {
    paint.clearRect(0, 0, 1, 1);
    for (const colour of stack) {
      paint.fillStyle = colour;
      paint.fillRect(0, 0, 1, 1);
    }
    return [...paint.getImageData(0, 0, 1, 1).data].slice(0, 3);
  };
  const behind = (one) => {
    const stack = [];
    for (let at = one; at !== null; at = at.parentElement) {
      stack.unshift(getComputedStyle(at).backgroundColor);
      if (at.matches("dialog")) break;
    }
    return stack;
  };
  const luminance = (rgb) => {
    const [r, g, b] = rgb.map((value) => value / 255).map((value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ratio = (colour, stack) => {
    const [light, dark] = [luminance(over(...stack, colour)), luminance(over(...stack))].sort((one, other) => other - one);
    return (light + 0.05) / (dark + 0.05);
  };
`;
