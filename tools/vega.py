"""Write `nbs/vega.js`, the script behind the figure with sliders on the page of the flow.

It is Vega-Embed with Vega-Lite and Vega in one file, as `pip install vl-convert-python==1.9.0.post1` has it,
which nothing else here needs. The file is committed, so that the site is built without it and loads nothing
from elsewhere. Its sliders are the browser's own. Bokeh 3.9 needs 1.7 MB where this has 0.9, and Plotly 7.1 needs
4.8 and draws sliders that no key moves."""
from pathlib import Path

notice = """/*! Vega 6.2.0, Vega-Lite 6.4.1 and Vega-Embed 7.0.2 with what they need, as bundled by vl-convert 1.9.0.
Written by tools/vega.py; not ours.

Vega, Vega-Lite, Vega-Embed: BSD-3-Clause, Copyright (c) 2015-2023, University of Washington Interactive Data Lab.
All rights reserved. Redistribution and use in source and binary forms, with or without modification, are permitted
provided that the following conditions are met: 1. Redistributions of source code must retain the above copyright
notice, this list of conditions and the following disclaimer. 2. Redistributions in binary form must reproduce the
above copyright notice, this list of conditions and the following disclaimer in the documentation and/or other
materials provided with the distribution. 3. Neither the name of the copyright holder nor the names of its
contributors may be used to endorse or promote products derived from this software without specific prior written
permission. THIS SOFTWARE IS PROVIDED BY THE COPYRIGHT HOLDERS AND CONTRIBUTORS "AS IS" AND ANY EXPRESS OR IMPLIED
WARRANTIES, INCLUDING, BUT NOT LIMITED TO, THE IMPLIED WARRANTIES OF MERCHANTABILITY AND FITNESS FOR A PARTICULAR
PURPOSE ARE DISCLAIMED. IN NO EVENT SHALL THE COPYRIGHT OWNER OR CONTRIBUTORS BE LIABLE FOR ANY DIRECT, INDIRECT,
INCIDENTAL, SPECIAL, EXEMPLARY, OR CONSEQUENTIAL DAMAGES (INCLUDING, BUT NOT LIMITED TO, PROCUREMENT OF SUBSTITUTE
GOODS OR SERVICES; LOSS OF USE, DATA, OR PROFITS; OR BUSINESS INTERRUPTION) HOWEVER CAUSED AND ON ANY THEORY OF
LIABILITY, WHETHER IN CONTRACT, STRICT LIABILITY, OR TORT (INCLUDING NEGLIGENCE OR OTHERWISE) ARISING IN ANY WAY OUT
OF THE USE OF THIS SOFTWARE, EVEN IF ADVISED OF THE POSSIBILITY OF SUCH DAMAGE.

d3 and its parts: ISC, Copyright 2010-2023 Mike Bostock. Permission to use, copy, modify, and/or distribute this
software for any purpose with or without fee is hereby granted, provided that the above copyright notice and this
permission notice appear in all copies. THE SOFTWARE IS PROVIDED "AS IS" AND THE AUTHOR DISCLAIMS ALL WARRANTIES WITH
REGARD TO THIS SOFTWARE INCLUDING ALL IMPLIED WARRANTIES OF MERCHANTABILITY AND FITNESS. IN NO EVENT SHALL THE AUTHOR
BE LIABLE FOR ANY SPECIAL, DIRECT, INDIRECT, OR CONSEQUENTIAL DAMAGES OR ANY DAMAGES WHATSOEVER RESULTING FROM LOSS OF
USE, DATA OR PROFITS, WHETHER IN AN ACTION OF CONTRACT, NEGLIGENCE OR OTHER TORTIOUS ACTION, ARISING OUT OF OR IN
CONNECTION WITH THE USE OR PERFORMANCE OF THIS SOFTWARE. */
"""


def main():
    from vl_convert import javascript_bundle
    script = javascript_bundle("window.vegaEmbed = vegaEmbed", vl_version="6.4")
    path = Path(__file__).resolve().parent.parent/"nbs/vega.js"
    path.write_text(f"{notice}(() => {{{script}\n}})();\n", encoding="utf-8")  # no names in the page but that one
    print(f"{path}: {path.stat().st_size} bytes")


if __name__ == "__main__": main()
