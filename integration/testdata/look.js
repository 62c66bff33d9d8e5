// What a reader would find wrong with the page as it is shown now, a line each.
(() => {
  const faults = [];
  const root = document.scrollingElement ?? document.documentElement;
  if (root.scrollWidth > innerWidth) faults.push(`it is ${root.scrollWidth} wide, wider than the window`);

  const head = document.querySelector("h1, text.title");
  if (!head?.textContent.trim() || !head.getBoundingClientRect().height) faults.push("it has no headline");

  // Every text must stand out from what is behind it, as WCAG 2 counts contrast.
  const channels = (color) => color.match(/[\d.]+/g).map(Number);
  const luminance = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map((c) => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const behind = (element) => {
    for (let e = element; e; e = e.parentElement) {
      const color = channels(getComputedStyle(e).backgroundColor);
      if (color[3] !== 0) return color;
    }
    const paper = document.querySelector("rect.paper");
    return paper ? channels(getComputedStyle(paper).fill) : [255, 255, 255];
  };
  const texts = document.createTreeWalker(document.documentElement, NodeFilter.SHOW_TEXT);
  for (let n = texts.nextNode(); n; n = texts.nextNode()) {
    const e = n.parentElement, said = n.data.trim();
    if (!said || e.closest("head, title, style, script")) continue;
    const style = getComputedStyle(e);
    const [a, b] = [luminance(channels(e.closest("svg") ? style.fill : style.color)), luminance(behind(e))];
    const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (contrast < 4.5) faults.push(`a contrast of only ${contrast.toFixed(2)}: ${said.slice(0, 60)}`);
  }

  // A text's box has some room above and below its letters.
  const letters = (e) => {
    const { left, right, top, bottom, height } = e.getBoundingClientRect();
    return { said: e.textContent, left, right, top: top + height / 6, bottom: bottom - height / 6 };
  };
  const meet = (a, b) => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
  for (const svg of document.querySelectorAll("svg")) {
    const box = svg.getBoundingClientRect();
    const labels = [...svg.querySelectorAll("text")].filter((e) => e.textContent.trim()).map(letters);
    const bars = [...svg.querySelectorAll("rect.mark, rect.part, rect.here, rect.hatch, line.bounds")].map((e) => e.getBoundingClientRect());
    labels.forEach((a, i) => {
      if (a.left < box.left - 1 || a.right > box.right + 1 || a.top < box.top - 1 || a.bottom > box.bottom + 1) faults.push(`cut off: ${a.said}`);
      for (const b of labels.slice(i + 1)) if (meet(a, b)) faults.push(`these overlap: ${a.said} | ${b.said}`);
      if (bars.some((b) => meet(a, b))) faults.push(`it lies over a bar: ${a.said}`);
    });
  }
  return faults;
})();
