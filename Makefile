# SPDX-License-Identifier: Apache-2.0
# "make" finds this; the targets are in Makefile.apxs.
include Makefile.apxs
