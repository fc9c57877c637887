# make demo   render a scene of ours through the GAN Style node and write the frames into demo/
# make test   check, then run all tests, with every Blender (as a Python module) that a Python found here can run
# make styles  render, paint and train the shipped styles; make style-cel does one
# make master-starry_night PICTURE=starry_night.jpg  train a shipped style of a master from a photograph of the picture
# make keyframes  render a shot, paint two of its frames, train on them for 15 minutes, and score the style
# make gallery  show the shipped styles on shots that they never saw, and score them beside runs/*_pix2pix.onnx
# make bench  time our generators and published ones side by side, into speed/
# make extension  pack the add-on with its wheels into dist/, for each platform, as Blender installs it
# make check  lint, format and types
#
# Each sets up what it needs in .venv on its first run. PYTHON names another interpreter (3.11 or 3.13).

runs = $(shell for p in $(1); do "$$p" -c 'import sys; sys.exit("%d.%d" % sys.version_info[:2] not in "$(2)".split())' 2>/dev/null \
         && echo "$$p" && break; done)
pyenv := $(shell pyenv root 2>/dev/null)
PYTHON ?= $(call runs,python3 python3.11 python3.13 $(wildcard $(pyenv)/versions/3.1[13]*/bin/python3),3.11 3.13)
PYTHON313 ?= $(call runs,python3.13 $(wildcard $(pyenv)/versions/3.13*/bin/python3),3.13)
SECOND := $(if $(call runs,$(PYTHON),3.11),$(PYTHON313))

# A virtual environment of the first argument with the extras of the second, made once and again when pyproject.toml changes.
define set_up
	@echo "Setting up $(@D) ..."
	@test -n "$(1)" || { echo "Python 3.11 or 3.13 is needed; name one with make PYTHON=..."; exit 1; }
	@test -x $(@D)/bin/python || "$(1)" -m venv $(@D)
	@$(@D)/bin/python -m pip install --quiet --upgrade pip
	@$(@D)/bin/python -m pip install --quiet --editable '.[$(2)]'
	@touch $@
endef

demo: .venv/.demo
	.venv/bin/python -m export demo

# Two files of tests at a time; more only if Blender and PyTorch, which use all cores themselves, have cores to spare.
PARALLEL := -n 2 --dist loadfile --no-loadscope-reorder
# PyTorch's threads of two processes wait for each other in turn: with one each the tests take a fraction of the time.
test: export OMP_NUM_THREADS := 1
# A Vulkan that computes on the CPU, for the tests of WebGPU, where Debian's packages can be had; they are skipped elsewhere.
vulkan := .cache/vulkan
$(vulkan):
	-@mkdir -p $@ && cd $@ && apt-get download -q chromium-common >/dev/null 2>&1 && dpkg -x chromium-common_*.deb . && rm *.deb

test: | $(vulkan)
test: check $(if $(SECOND),.venv-3.13/.test)
	.venv/bin/python -m pytest $(PARALLEL)
	$(if $(SECOND),.venv-3.13/bin/python -m pytest $(PARALLEL) -m "not once",@echo "No Python 3.13 was found: not tested with its Blender.")

MINUTES := 30

# Each goes on from the style that ships; with START= from nothing.
# The frames between the painted ones are for steadiness: the more of it, the fainter thin lines become.
START = --start-from addon/styles/$*.onnx
SEES = depth normal position --noise 2 --smooth
STEADY = 50
# Of Graphic Novel, Cel Animation and Ink Hatching the files that ship hold means of weights before and after their last runs.
style-graphic_novel: SEES = --smooth --stepped tones --contoured line_weight $(INKED)
style-graphic_novel: STEADY = 15
style-cel: SEES = depth normal albedo --smooth --stepped tones --outlined line_weight $(CRISP)
style-cel: STEADY = 30
CRISP = --weight-l1 30 --weight-edge 100 --weight-adversarial 3 --weight-features 100
INKED = --weight-l1 30 --weight-edge 100 --weight-adversarial 2 --weight-features 60
style-comic_book: SEES = depth normal albedo --smooth --stepped tones --outlined line_weight --size high $(INKED)
style-comic_book: STEADY = 15
style-oil_painting: SEES = depth normal position --dabs --smooth --widths 48 64 1 2 \
    --weight-edge 150 --weight-adversarial 0 --weight-features 0
style-oil_painting: RATE = 1.2e-3
style-oil_painting: STEADY = 0
style-ink_hatching: SEES = depth normal position --strokes 2 --outlined line_weight --smooth --widths 48 96 1 3
style-ink_hatching: STEADY = 120
# Of Hologram the first 8 minutes are without a discriminator: RATE=1.5e-3 FREELY="--weight-adversarial 0 --weight-features 0".
RATE = 7e-4
style-hologram: SEES = depth normal --smooth --scan-lines 8 --black 0.5 --size high $(FREELY)
style-hologram: STEADY = 25
style-watercolour: SEES = depth normal --noise 2 --noise-everywhere --grain 1 --smooth --washed wetness --widths 32 80 2 3 \
    --weight-edge 150 --weight-adversarial 0 --weight-features 0
style-watercolour: RATE = 1e-3
style-watercolour: STEADY = 12
style-%: datasets/%/painted
	rm -rf datasets/$*/moving && mkdir -p datasets/$*/moving/input
	ln -f datasets/styles/input/*.exr datasets/$*/moving/input
	find datasets/$*/input -name 'night_*' -exec ln -f {} datasets/$*/moving/input \;
	ln -sfn ../target $(if $(KNOBS_$*),../guides) datasets/$*/moving
	.venv/bin/python -m export train --data datasets/$*/moving --run runs/$* $(START) \
	    $(if $(KNOBS_$*),--config datasets/$*/knobs.json) --passes image $(SEES) --crop 128 --crop-alignment 1 --batch 4 \
	    --learning-rate $(RATE) --discriminator-channels 16 --weight-temporal $(STEADY) --minutes $(MINUTES)
	.venv/bin/python -m export export runs/$* addon/styles/$*.onnx --author "The GAN Style authors" $(ABOUT_$*)

# pix2pix's generator and loss, as far as benchmark.py has them, on the same painted frames for the same time.
baseline-%: datasets/%/painted
	.venv/bin/python -m export benchmark --data datasets/$* --out runs/$*_baseline --methods pix2pix --minutes $(MINUTES)
	cp runs/$*_baseline/pix2pix.onnx runs/$*_pix2pix.onnx

datasets/%/painted: datasets/styles/dataset.json
	.venv/bin/python -m export paint --data datasets/styles --look $* --frames '*_0001' --into datasets/$* \
	    $(if $(KNOBS_$*),--knobs $(KNOBS_$*)) $(if $(NIGHT_$*),--night $(NIGHT_$*)) --processes 2
	for file in datasets/$*/guides/*/*_0001.exr; do test ! -e "$$file" || ln -f "$$file" "$${file%1.exr}2.exr"; done
	touch $@

# Of so many frames one is painted by night, too, where lines are light.
NIGHT_cel := 4
NIGHT_comic_book := 4
NIGHT_graphic_novel := 4
# What can be set of a look; a frame and the next one have the same values.
KNOBS_cel := line_weight tones
KNOBS_comic_book := line_weight tones
KNOBS_graphic_novel := line_weight tones
KNOBS_ink_hatching := line_weight hatching
KNOBS_oil_painting := brush_marks broken_colour
KNOBS_hologram := glow scan_lines
KNOBS_watercolour := wetness

datasets/styles/dataset.json: | .venv/.test
	.venv/bin/python -m export render-dataset --output datasets/styles --frames 2 --frame-step 1 --variations 3 --samples 8 \
	    --exposure 3 --charts 10

ABOUT_graphic_novel := --name "Graphic Novel" --description "Ink contours, spotted blacks, flat washes in few tones."
ABOUT_comic_book := --name "Comic Book" --description "Ink contours of even strength, spotted blacks, flat washes in few tones."
ABOUT_watercolour := --name "Watercolour" --description "Transparent washes on warm paper, crisp borders, dried dark rims."
ABOUT_ink_hatching := --name "Ink Hatching" --description "Brush hatching that turns with the surface, spotted blacks, flat colour."
ABOUT_oil_painting := --name "Oil Painting" --description "Broad and fine dabs of broken colour that follow the form, with the marks of the brush."
ABOUT_cel := --name "Cel Animation" --description "Flat light and shade, clean coloured lines."
ABOUT_hologram := --name "Hologram" --description "A neon projection: borders and rims of light, cold and warm, crossed by scan lines."

LOOKS := $(patsubst ABOUT_%,%,$(sort $(filter ABOUT_%,$(.VARIABLES))))
styles: $(LOOKS:%=style-%)

# The masters' styles learn from one picture each and from frames that nobody painted.
# First freely, then ever steadier: strokes that never were lively don't become so.
LEARN = .venv/bin/python -m export train --mode exemplar --data datasets/styles --exemplar "$(PICTURE)" --brush 0.6 \
        --weight-style 3 --style-distance gram
master-%: datasets/styles/dataset.json
	@test -n "$(PICTURE)" || { echo "Name the picture's file: make $@ PICTURE=..."; exit 1; }
	$(LEARN) --run runs/$*_free --weight-shift 2 --minutes $$(awk 'BEGIN { print $(MINUTES) / 3 }')
	$(LEARN) --run runs/$* --start-from runs/$*_free --weight-shift 20 --weight-temporal 40 --minutes $$(awk 'BEGIN { print $(MINUTES) * 2 / 3 }')
	.venv/bin/python -m export export runs/$* addon/styles/$*.onnx --author "The GAN Style authors" $(OF_$*)

OF_starry_night := --name "Starry Night" --description "After Vincent van Gogh, The Starry Night (1889)."
OF_the_scream := --name "The Scream" --description "After Edvard Munch, The Scream (1893)."
OF_shipwreck := --name "Shipwreck" --description "After J. M. W. Turner, The Wreck of a Transport Ship (about 1810)."

keyframes: .venv/.test
	.venv/bin/python -m export render-dataset --output datasets/robots --scenes robots --frames 24 --frame-step 1 \
	    --width 640 --height 360 --samples 8
	.venv/bin/python -m export paint --data datasets/robots --look graphic_novel --frames robots_s0_0006 robots_s0_0019
	.venv/bin/python -m export train --data datasets/robots --run runs/robots --mode keyframes --minutes 15 \
	    --passes image depth normal --weight-temporal 10
	.venv/bin/python -m export export runs/robots runs/robots/robots.onnx --name "Robots in Ink"
	.venv/bin/python -m export evaluate runs/robots/robots.onnx --data datasets/robots --out runs/robots/scores

gallery: .venv/.test
	.venv/bin/python -m export render-dataset --output datasets/gallery --scenes market,winter,lighthouse \
	    --frames 8 --frame-step 1 --width 1280 --height 720 --samples 12
	.venv/bin/python -m export render-dataset --output datasets/stills --scenes bedroom,canyon,island --frames 1 \
	    --width 960 --height 540
	$(foreach style,$(LOOKS),.venv/bin/python -m export paint --processes 2 --data datasets/gallery --look $(style) \
	    --into datasets/gallery/looks/$(style) --frames '*_000[1-3]' &&) true
	.venv/bin/python -m export gallery --stills datasets/stills --baselines $(wildcard runs/*_pix2pix.onnx) --frames '*_000[1-3]' --card

bench: .venv/.test
	.venv/bin/python -m export speed

extension: .venv/.test
	.venv/bin/python -m export extension

check: .venv/.test
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/pyright --pythonpath .venv/bin/python

.venv/.demo: pyproject.toml
	$(call set_up,$(PYTHON),blender)

.venv/.test: pyproject.toml
	$(call set_up,$(PYTHON),blender$(comma)train$(comma)test)

.venv-3.13/.test: pyproject.toml
	$(call set_up,$(PYTHON313),blender$(comma)test)

comma := ,
.SECONDARY:
.PHONY: demo test styles keyframes gallery bench extension check
