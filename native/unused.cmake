# Debian's libtorch lists libraries of video, images and databases as dependencies, a leftover of Caffe2, and uses no symbol of
# them. To load them and their dependencies, some 230, takes as long as to load the rest. Makes an empty library of each such name
# in unused/; a process that is Bam's alone loads these first, and the loader then uses them (docs/decisions/0169).
#
# Sets `unused_names`; empty if there are none, or if libtorch does not load beside the empty ones.
set(unused_folder "${CMAKE_BINARY_DIR}/unused")
file(REMOVE_RECURSE "${unused_folder}")
execute_process(COMMAND "${CMAKE_READELF}" --dynamic --wide "${TORCH_CPU}" OUTPUT_VARIABLE dynamic_section ERROR_QUIET)
string(REGEX MATCHALL "lib(opencv_[a-z0-9]+|av[a-z]+|sw[a-z]+|leveldb|lmdb|snappy|zmq)\\.so[.0-9a-z]*" unused_names
  "${dynamic_section}")

if(unused_names)
  file(MAKE_DIRECTORY "${unused_folder}")
  file(WRITE "${unused_folder}.c" "")
  # RTLD_NOW resolves every symbol, so that a missing one fails here.
  file(WRITE "${unused_folder}-probe.c" "#include <dlfcn.h>
int main(int count, char** words) {
    for (int i = 1; i < count; i++)
        if (!dlopen(words[i], RTLD_NOW)) return 1;
    return 0;
}
")
  set(compile "${CMAKE_CXX_COMPILER}" -x c)
  set(unused_files)
  foreach(name IN LISTS unused_names)
    execute_process(COMMAND ${compile} -shared -nostdlib -s "-Wl,-soname,${name}" -o "${unused_folder}/${name}"
      "${unused_folder}.c" OUTPUT_QUIET ERROR_QUIET)
    list(APPEND unused_files "${unused_folder}/${name}")
  endforeach()
  execute_process(COMMAND ${compile} -o "${unused_folder}-probe" "${unused_folder}-probe.c" -ldl OUTPUT_QUIET ERROR_QUIET)
  execute_process(
    COMMAND "${CMAKE_COMMAND}" -E env
      "LD_LIBRARY_PATH=${torch_library_directory}:${torch_library_directory}/openblas-openmp" # for unpacked ones
      "${unused_folder}-probe" ${unused_files} "${TORCH_CPU}"
    RESULT_VARIABLE probe_status OUTPUT_QUIET ERROR_QUIET)
  if(NOT probe_status EQUAL 0)
    message(STATUS "libtorch does not load with empty libraries in place of ${unused_names}: they will be loaded")
    set(unused_names)
    file(REMOVE_RECURSE "${unused_folder}")
  endif()
endif()
