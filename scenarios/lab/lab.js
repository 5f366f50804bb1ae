// What Streamlit leaves to be done: the page's language where it is changed, and Streamlit's own words in that language.
"use strict";

const own = document.querySelector("meta[name=familiebaner-words]");
const words = Object.entries(JSON.parse(own.content)); // English, bokmål
const names = ["aria-label", "title", "placeholder"];
const texts = "[data-testid=stFileUploader], [data-testid=InputInstructions], [data-testid=stSkipToContent]"; // words that are seen
let waiting = false;

function said(text) {
  for (const [english, norwegian] of words) {
    if (text.startsWith(english)) return norwegian + text.slice(english.length);
    if (text.endsWith(english)) return text.slice(0, -english.length) + norwegian;
  }
  return text;
}

function translate() {
  for (const part of document.querySelectorAll(names.map((name) => `[${name}]`).join())) {
    for (const name of names) {
      const text = part.getAttribute(name);
      if (text && said(text) !== text) part.setAttribute(name, said(text));
    }
  }
  for (const zone of document.querySelectorAll(texts)) {
    const walk = document.createTreeWalker(zone, NodeFilter.SHOW_TEXT);
    while (walk.nextNode()) {
      const text = walk.currentNode.nodeValue;
      if (said(text) !== text) walk.currentNode.nodeValue = said(text);
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
  if (lang === "nb") translate();
}

new MutationObserver(() => {
  if (!waiting) requestAnimationFrame(mend);
  waiting = true;
}).observe(document, { childList: true, subtree: true, characterData: true, attributeFilter: names });
