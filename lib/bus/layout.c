/* SPDX-License-Identifier: MIT */
typedef int op_layout_follows;
