/* SPDX-License-Identifier: MIT */
typedef int op_reader_follows;
