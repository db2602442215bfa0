(* The definitions of Equations.v as an OCaml program on floats. Taken on trust: that the
   operations of floats, rounding apart, are those of the real numbers, and int is nat.
   Functions remember nothing, so the cost grows as a power of T: keep it small. *)
From LSTM Require Import Lemmas Equations.
From Coq Require Import ZArith Extraction ExtrOcamlBasic ExtrOcamlNatInt.

(* the numerals 0 and 1 are IZR of a binary number *)
Extract Inductive positive => "int" [ "(fun p -> 2 * p + 1)" "(fun p -> 2 * p)" "1" ]
  "(fun odd even one p -> if p = 1 then one () else if p land 1 = 1 then odd (p / 2) else even (p / 2))".
Extract Inductive Z => "int" [ "0" "(fun p -> p)" "(fun p -> - p)" ]
  "(fun zero plus minus z -> if z = 0 then zero () else if z > 0 then plus z else minus (- z))".

Extract Inlined Constant R => "float".
Extract Inlined Constant R0 => "0.".
Extract Inlined Constant R1 => "1.".
Extract Inlined Constant Rplus => "( +. )".
Extract Inlined Constant Rminus => "( -. )".
Extract Inlined Constant Rmult => "( *. )".
Extract Inlined Constant Ropp => "( ~-. )".
Extract Inlined Constant Rinv => "(fun x -> 1. /. x)".
Extract Inlined Constant IZR => "float_of_int".
Extract Inlined Constant exp => "Stdlib.exp".
Extract Inlined Constant tanh => "Stdlib.tanh".
(* comes along with the standard library's own construction of R, and is never called *)
Extract Constant ClassicalDedekindReals.sig_forall_dec => "(fun _ -> assert false)".

Set Warnings "-extraction-opaque-accessed".
Extraction "equations.ml" a c dW db dx da0 dc0.
