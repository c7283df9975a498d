# shellcheck shell=bash
# Builds the command, trains a model of handwritten digits and of their labels, and draws new digits, ten of each.
no_arguments "$@"
data=docs/examples/data/digits-8x8.npy labels=docs/examples/data/digits-8x8-labels.npy out=out/quickstart
train_options=(--labels "$labels" --seed 1)
sample_options=(-n 100 --image 8x8 --label 0,1,2,3,4,5,6,7,8,9 --guidance 2)
need "${build_packages[@]}"
build_release

# Progress goes to standard error, and so to the screen. The reports are printed at the end.
command=build/release/bin/scorematch
mkdir -p out
say "" "Training on 1797 handwritten digits ($data)"
trained=$("$command" train "$data" -o "$out" --overwrite "${train_options[@]}")
say "Drawing new digits"
drawn=$("$command" sample "$out/model.safetensors" -o "$out/samples.npy" "${sample_options[@]}")

cat <<END

Trained
$trained

Drew new digits: look at $out/samples.png
$drawn

Try next
  $command sample $out/model.safetensors -n 400 -o out/threes.npy --image 8x8 --label 3 --guidance 2 --seed 2

Link the library, after cmake --install build/release --prefix <where>, in your CMakeLists.txt
  find_package(scorematch REQUIRED)
  target_link_libraries(your_program PRIVATE scorematch::scorematch)
END
