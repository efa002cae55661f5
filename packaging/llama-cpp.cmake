# Read by CMake at each project() while llama-cpp-python is built (see the Makefile). Leaves out the library behind
# llama.cpp's command line tools: llama-cpp-python switches it on with a cache entry; a normal variable stands before
# that.
set(LLAMA_BUILD_COMMON OFF)

# And llama.cpp's code for AMX: GCC 12.2 takes the setting of its tiles for unused and leaves most of it out, and the
# first product ends the process (llama.cpp's pull request 26954). Nor can that code be joined with its neighbours.
include(CheckCXXCompilerFlag)
check_cxx_compiler_flag(-mno-amx-int8 KNOWS_AMX)
if(PROJECT_IS_TOP_LEVEL AND KNOWS_AMX)
    add_compile_options(-mno-amx-int8)
endif()
