// Runs in a page of render.mjs: opens folds, draws charts, and tells in `seen` what a reader would see.
const article = document.querySelector("article");

// What GitHub makes of a comment's text after Markdown: mentions, references, links, emoji.
const REFERENCES = [
  /(?<!\w)@[a-z\d][a-z\d-]*/gi,
  /(?<![\w&])(?:[\w.-]+\/[\w.-]+)?#\d+\b/g,
  /\bGH-\d+\b/gi,
  /\b(?:https?|ftp):\/\/\S+|\bwww\.[\w-]+\.\w+/gi,
  /:(?:[+-]1|[a-z][\w+-]*):/g,
];

const references = () => {
  const found = [];
  const walker = document.createTreeWalker(article, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const {data, parentElement} = walker.currentNode;
    if (parentElement.closest("a, code, pre, svg")) continue;
    found.push(...REFERENCES.flatMap((rule) => data.match(rule) ?? []));
  }
  return found;
};

// Draw a chart in the place of its code, as GitHub does; what does not parse stays code there, too.
const draw = async (code, number) => {
  const chart = document.createElement("div");
  mermaid.initialize({startOnLoad: false, securityLevel: "strict"});
  try {
    await mermaid.parse(code.textContent);
    chart.innerHTML = (await mermaid.render(`chart${number}`, code.textContent)).svg;
  } catch (error) {
    return {problem: String(error), colours: []};
  }
  code.closest("pre").replaceWith(chart);
  const colours = (what, property) =>
    [...chart.querySelectorAll(what)].map((mark) => getComputedStyle(mark)[property]);
  const marks = [...colours("[class^=line-plot] path", "stroke"), ...colours("[class^=bar-plot] rect", "fill")];
  return {problem: null, colours: [...new Set(marks)]};
};

const pixels = (character) => {
  const context = new OffscreenCanvas(24, 24).getContext("2d");
  context.font = getComputedStyle(article).font;
  context.fillText(character, 2, 18);
  return context.getImageData(0, 0, 24, 24).data.join();
};

// Emoji, arrows and the like for which a box is shown.
const undrawn = () => {
  const box = pixels("\u{10fffe}"); // no character, so in no font
  const signs = new Set(article.textContent.match(/[\p{S}\p{Extended_Pictographic}]/gu));
  return [...signs].filter((sign) => pixels(sign) === box);
};

const look = async () => {
  const all = (what) => [...article.querySelectorAll(what)];
  const elements = [...new Set(all("*").map((one) => one.localName))]; // before there are charts
  for (const fold of all("details")) fold.open = true;
  const charts = [];
  for (const code of all("code.language-mermaid")) charts.push(await draw(code, charts.length));
  const {scrollWidth, clientWidth} = document.documentElement;
  return {
    charts,
    elements,
    folds: all("details:has(> summary:first-child)").length,
    links: all("a").map((link) => link.getAttribute("href")),
    overflow: scrollWidth - clientWidth,
    references: references(),
    text: article.innerText,
    undrawn: undrawn(),
    wideTables: all("table").filter((table) => table.scrollWidth > table.clientWidth).length,
  };
};

const seen = look();
