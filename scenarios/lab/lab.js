// What Streamlit leaves to be done: the page's language where it is changed, and Streamlit's own words in that language.
"use strict";

const own = document.querySelector("meta[name=familiebaner-words]");
const words = Object.entries(JSON.parse(own.content)); // English, bokmål
const names = ["aria-label", "title", "placeholder"];
const texts = "[data-testid=stFileUploader], [data-testid=InputInstructions], [data-testid=stSkipToContent]"; // words that are seen
const before = new WeakMap(); // by node: English and the bokmål that was put in its place
let waiting = false;

function said(text) {
  for (const [english, norwegian] of words) {
    if (text.startsWith(english)) return norwegian + text.slice(english.length);
    if (text.endsWith(english)) return text.slice(0, -english.length) + norwegian;
  }
  return text;
}

// What a node says in the language: in English what it said before it was put in bokmål.
function inLanguage(node, name, text, lang) {
  const [english, norwegian] = before.get(node)?.[name] ?? [];
  if (lang !== "nb") return norwegian !== undefined && text === norwegian ? english : text;
  const put = said(text);
  if (put !== text) before.set(node, { ...before.get(node), [name]: [text, put] });
  return put;
}

function translate(lang) {
  for (const part of document.querySelectorAll(names.map((name) => `[${name}]`).join())) {
    for (const name of names) {
      const text = part.getAttribute(name);
      const put = text && inLanguage(part, name, text, lang);
      if (put !== text) part.setAttribute(name, put);
    }
  }
  for (const zone of document.querySelectorAll(texts)) {
    const walk = document.createTreeWalker(zone, NodeFilter.SHOW_TEXT);
    while (walk.nextNode()) {
      const node = walk.currentNode;
      const put = inLanguage(node, "text", node.nodeValue, lang);
      if (put !== node.nodeValue) node.nodeValue = put;
    }
  }
}

function mend() {
  waiting = false;
  const lang = document.querySelector("[data-lang]")?.dataset.lang;
  if (!lang) return;
  if (document.documentElement.lang !== lang) document.documentElement.lang = lang;
  document.querySelector(".st-key-spoken:not([aria-live])")?.setAttribute("aria-live", "polite");
  for (const zone of document.querySelectorAll("section[role=presentation][aria-label]")) zone.setAttribute("role", "group");
  translate(lang);
}

new MutationObserver(() => {
  if (!waiting) requestAnimationFrame(mend);
  waiting = true;
}).observe(document, { childList: true, subtree: true, characterData: true, attributeFilter: names });
