import time, streamlit as st, numpy as np
st.set_page_config(page_title="Lab", layout="wide")
st.title("Tittel")
with st.sidebar:
    st.selectbox("Sted", ["a","b"], key="place")
    st.radio("Rolle", ["a","b"], key="r", horizontal=True)
    n=st.slider("Koordinatorer", 0, 20, 2, key="n")
    st.number_input("Tall", 0, 100, 3)
    st.number_input("Hjelp", 0, 100, 3, help="noe")
    with st.expander("Mer"):
        st.slider("Åpninger", 0.0, 2.0, 1.0, key="o")
        st.toggle("bryter"); st.checkbox("kryss")
    st.segmented_control("Seg", ["x","y"])
    st.file_uploader("Last opp", type=["csv"])
    st.button("Knapp")
st.download_button("Last ned", b"abc", "a.txt")
a,b,c=st.tabs(["En","To","Tre"])
with a:
    st.html("<table><caption>T</caption><thead><tr><th scope='col'>A</th></tr></thead><tbody><tr><th scope='row'>x</th></tr></tbody></table>")
    st.html("<img alt='figur' src='data:image/svg+xml;base64,PHN2ZyB4bWxucz0iaHR0cDovL3d3dy53My5vcmcvMjAwMC9zdmciIHdpZHRoPSIxMCIgaGVpZ2h0PSIxMCI+PHJlY3Qgd2lkdGg9IjEwIiBoZWlnaHQ9IjEwIi8+PC9zdmc+'>")
st.session_state.setdefault("k", None)
if st.session_state.k != n:
    st.session_state.k, st.session_state.count = n, 0
done = st.session_state.count >= 10
@st.fragment(run_every=None if done else 0.3)
def grow():
    st.session_state.count += 1
    st.html(f"<p id=res>{n}: {st.session_state.count}</p>")
    if st.session_state.count >= 10 and not done: st.rerun()
grow()
