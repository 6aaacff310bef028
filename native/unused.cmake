# Debian's libtorch names libraries of video, images and databases, which Caffe2 once needed, and takes nothing from them. To open
# them and all that they need in turn, some 230, takes longer than to open libtorch. An empty library of each such name is made in
# unused/; a process that is Bam's alone opens these first, and libtorch is content with them (docs/decisions/0169).
#
# Sets `unused_names`, empty if there are none or libtorch cannot do without.
set(unused_folder "${CMAKE_BINARY_DIR}/unused")
file(REMOVE_RECURSE "${unused_folder}")
execute_process(COMMAND "${CMAKE_READELF}" --dynamic --wide "${TORCH_CPU}" OUTPUT_VARIABLE dynamic_section ERROR_QUIET)
string(REGEX MATCHALL "lib(opencv_[a-z0-9]+|av[a-z]+|sw[a-z]+|leveldb|lmdb|snappy|zmq)\\.so[.0-9a-z]*" unused_names
  "${dynamic_section}")

if(unused_names)
  file(WRITE "${unused_folder}.c" "")
  file(WRITE "${unused_folder}-probe.c"
    "#include <dlfcn.h>\nint main(int count, char** words) { return count != 2 || !dlopen(words[1], RTLD_NOW); }\n")
  file(MAKE_DIRECTORY "${unused_folder}")
  set(compile "${CMAKE_CXX_COMPILER}" -x c)
  foreach(name IN LISTS unused_names)
    execute_process(COMMAND ${compile} -shared -nostdlib -s "-Wl,-soname,${name}" -o "${unused_folder}/${name}"
      "${unused_folder}.c" COMMAND_ERROR_IS_FATAL ANY)
  endforeach()
  # With RTLD_NOW every symbol of every library is looked up: what is missing is missed here.
  execute_process(COMMAND ${compile} -o "${unused_folder}-probe" "${unused_folder}-probe.c" -ldl COMMAND_ERROR_IS_FATAL ANY)
  execute_process(
    COMMAND "${CMAKE_COMMAND}" -E env "LD_LIBRARY_PATH=${unused_folder}:$ENV{LD_LIBRARY_PATH}"
      "${unused_folder}-probe" "${TORCH_CPU}"
    RESULT_VARIABLE probe_status OUTPUT_QUIET ERROR_QUIET)
  if(NOT probe_status EQUAL 0)
    set(unused_names)
    file(REMOVE_RECURSE "${unused_folder}")
  endif()
endif()
