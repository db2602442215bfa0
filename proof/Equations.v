(* Equations (1) to (20) of the book, in its letters: pages 04 and 05.

   A r j is the entry of an array in row r (a unit) and column j (an example);
   indices start at 0, as in Python. W k and b k are the weights and the bias
   of gate k. A function stands for an array: only its entries within the shape
   in the comment count. *)
From LSTM Require Import Lemmas.

Inductive gate := gf | gi | gc | go.

Definition sum_gates (v : gate -> R) : R := v gf + v gi + v gc + v go.

Section Step.
Variables n_x n_a m : nat.
Variable W : gate -> matrix.          (* each (n_a, n_a + n_x) *)
Variable b : gate -> nat -> R.        (* each (n_a, 1) *)
Variables xt a_prev c_prev : matrix.  (* (n_x, m), (n_a, m), (n_a, m) *)

Local Notation Wf := (W gf). Local Notation bf := (b gf).
Local Notation Wi := (W gi). Local Notation bi := (b gi).
Local Notation Wc := (W gc). Local Notation bc := (b gc).
Local Notation Wo := (W go). Local Notation bo := (b go).

(* [a_prev; xt], (n_a + n_x, m): the first n_a rows are a_prev, the others xt *)
Definition stack : matrix := fun q j =>
  if q <? n_a then a_prev q j else xt (q - n_a)%nat j.

Local Notation "A '@' B" :=
  (fun r j => sum (n_a + n_x) (fun q => A r q * B q j)) (at level 40).
Local Notation σ := sigmoid.

Definition Γf r j := σ ((Wf @ stack) r j + bf r).              (* (1) *)
Definition Γi r j := σ ((Wi @ stack) r j + bi r).              (* (2) *)
Definition cct r j := tanh ((Wc @ stack) r j + bc r).          (* (3) *)
Definition c_next r j :=
  Γf r j * c_prev r j + Γi r j * cct r j.                      (* (4) *)
Definition Γo r j := σ ((Wo @ stack) r j + bo r).              (* (5) *)
Definition a_next r j := Γo r j * tanh (c_next r j).           (* (6) *)

Variables da dc : matrix.             (* what arrives at a_next, c_next *)

Definition s r j :=
  da r j * Γo r j * (1 - (tanh (c_next r j))²).                (* (s) *)
Definition dΓo r j :=
  da r j * tanh (c_next r j) * Γo r j * (1 - Γo r j).          (* (7) *)
Definition dcct r j :=
  (dc r j + s r j) * Γi r j * (1 - cct r j * cct r j).         (* (8) *)
Definition dΓi r j :=
  (dc r j + s r j) * cct r j * Γi r j * (1 - Γi r j).          (* (9) *)
Definition dΓf r j :=
  (dc r j + s r j) * c_prev r j * Γf r j * (1 - Γf r j).      (* (10) *)

Definition dWf r q := sum m (fun j => dΓf r j * stack q j).   (* (11) *)
Definition dWi r q := sum m (fun j => dΓi r j * stack q j).   (* (12) *)
Definition dWc r q := sum m (fun j => dcct r j * stack q j).  (* (13) *)
Definition dWo r q := sum m (fun j => dΓo r j * stack q j).   (* (14) *)
Definition dbf r := sum m (fun j => dΓf r j).                (* (11b) *)
Definition dbi r := sum m (fun j => dΓi r j).                (* (12b) *)
Definition dbc r := sum m (fun j => dcct r j).               (* (13b) *)
Definition dbo r := sum m (fun j => dΓo r j).                (* (14b) *)

Definition dz k :=
  match k with gf => dΓf | gi => dΓi | gc => dcct | go => dΓo end.
Definition dW_step k :=
  match k with gf => dWf | gi => dWi | gc => dWc | go => dWo end.
Definition db_step k :=
  match k with gf => dbf | gi => dbi | gc => dbc | go => dbo end.

Definition da_prev q j :=
  sum_gates (fun k => sum n_a (fun r => W k r q * dz k r j)). (* (15) *)
Definition dc_prev r j := (dc r j + s r j) * Γf r j.          (* (16) *)
Definition dxt q j :=
  sum_gates (fun k =>
    sum n_a (fun r => W k r (n_a + q)%nat * dz k r j)).       (* (17) *)
End Step.

Section Sequence.
Variables n_x n_a m : nat.
Variable W : gate -> matrix.
Variable b : gate -> nat -> R.
Variable x : nat -> matrix.       (* x t is x[:, :, t], the input of step t *)
Variables a0 c0 : matrix.         (* (n_a, m) *)

(* a t and c t are the states after t steps: step t leads from a t to a (S t) *)
Fixpoint states (t : nat) : matrix * matrix :=
  match t with
  | 0%nat => (a0, c0)
  | S t =>
    (a_next n_x n_a W b (x t) (fst (states t)) (snd (states t)),
     c_next n_x n_a W b (x t) (fst (states t)) (snd (states t)))
  end.
Definition a t := fst (states t).
Definition c t := snd (states t).

(* da t is da[:, :, t], what the loss sends to a (S t), and dc t likewise *)
Variables da dc : nat -> matrix.

(* what arrives at step t, if step t + 1 has returned g as da_prev and dc_prev *)
Definition da_total t (g : matrix * matrix) r j :=
  da t r j + fst g r j.                                       (* (18) *)
Definition dc_total t (g : matrix * matrix) r j :=
  dc t r j + snd g r j.                                       (* (19) *)

(* what step t returns as da_prev and dc_prev, the first of n steps *)
Fixpoint carried (n t : nat) : matrix * matrix :=
  match n with
  | 0%nat => (zero, zero)
  | S n =>
    let g := carried n (S t) in
    (da_prev n_x n_a W b (x t) (a t) (c t) (da_total t g) (dc_total t g),
     dc_prev n_x n_a W b (x t) (a t) (c t) (da_total t g) (dc_total t g))
  end.

Variable T : nat.

(* a result of step t of T, computed from what arrives there *)
Definition at_step {result} (back :
    matrix -> matrix -> matrix -> matrix -> matrix -> result) t :=
  let g := carried (T - S t) (S t) in
  back (x t) (a t) (c t) (da_total t g) (dc_total t g).

Definition dW k r q :=
  sum T (fun t => at_step (dW_step n_x n_a m W b) t k r q).   (* (20) *)
Definition db k r :=
  sum T (fun t => at_step (db_step n_x n_a m W b) t k r).     (* (20) *)
Definition dx t := at_step (dxt n_x n_a W b) t.
Definition da0 := fst (carried T 0).
Definition dc0 := snd (carried T 0).
End Sequence.
