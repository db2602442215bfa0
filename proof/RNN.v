(* The plain RNN, (R1) to (R9): page 03. *)
From LSTM Require Import Lemmas Recurrence.

Section Step.
Variables n_x n_a m : nat.
Variables Wax Waa : matrix.                     (* (n_a, n_x), (n_a, n_a) *)
Variable ba : nat -> R.                         (* (n_a, 1) *)
Variables xt a_prev da : matrix.                (* (n_x, m), (n_a, m), (n_a, m) *)

Definition z r j := sum n_a (fun q => Waa r q * a_prev q j) + sum n_x (fun q => Wax r q * xt q j) + ba r.
Definition a_next r j := tanh (z r j).                                               (* (R1) *)
Definition dz r j := da r j * (1 - a_next r j * a_next r j).                         (* (R3) *)
Definition dWax r q := sum m (fun j => dz r j * xt q j).                             (* (R4) *)
Definition dWaa r q := sum m (fun j => dz r j * a_prev q j).                         (* (R5) *)
Definition dba r := sum m (fun j => dz r j).                                         (* (R6) *)
Definition da_prev q j := sum n_a (fun r => Waa r q * dz r j).                       (* (R7) *)
Definition dxt q j := sum n_a (fun r => Wax r q * dz r j).                           (* (R8) *)
End Step.

Record rnn := { Wax_ : matrix; Waa_ : matrix; ba_ : nat -> R; x_ : nat -> matrix; a0_ : matrix }.

Section Sequence.
Variables n_x n_a m T : nat.
Variable p : rnn.

Definition step t := a_next n_x n_a (Wax_ p) (Waa_ p) (ba_ p) (x_ p t).
Definition hidden := run step (a0_ p).
Definition loss (da : nat -> matrix) := sum T (fun t => dot n_a m (da t) (hidden (S t))).

Variable da : nat -> matrix.
Definition back t := da_prev n_x n_a (Wax_ p) (Waa_ p) (ba_ p) (x_ p t) (hidden t).
Definition arrives t := total da t (carry back da (T - S t) (S t)).

(* (R9) *)
Definition gradient : rnn := {|
  Wax_ := fun r q => sum T (fun t => dWax n_x n_a m (Wax_ p) (Waa_ p) (ba_ p) (x_ p t) (hidden t) (arrives t) r q);
  Waa_ := fun r q => sum T (fun t => dWaa n_x n_a m (Wax_ p) (Waa_ p) (ba_ p) (x_ p t) (hidden t) (arrives t) r q);
  ba_ := fun r => sum T (fun t => dba n_x n_a m (Wax_ p) (Waa_ p) (ba_ p) (x_ p t) (hidden t) (arrives t) r);
  x_ := fun t => dxt n_x n_a (Wax_ p) (Waa_ p) (ba_ p) (x_ p t) (hidden t) (arrives t);
  a0_ := carry back da T 0 |}.
End Sequence.

Section Theorems.
Variables n_x n_a m T : nat.

Definition moves (p : R -> rnn) (e : R) (p' : rnn) : Prop :=
  (forall r q, (r < n_a)%nat -> (q < n_x)%nat -> D (fun y => Wax_ (p y) r q) e (Wax_ p' r q)) /\
  (forall r q, (r < n_a)%nat -> (q < n_a)%nat -> D (fun y => Waa_ (p y) r q) e (Waa_ p' r q)) /\
  (forall r, (r < n_a)%nat -> D (fun y => ba_ (p y) r) e (ba_ p' r)) /\
  (forall t q j, (t < T)%nat -> (q < n_x)%nat -> (j < m)%nat -> D (fun y => x_ (p y) t q j) e (x_ p' t q j)) /\
  (forall r j, (r < n_a)%nat -> (j < m)%nat -> D (fun y => a0_ (p y) r j) e (a0_ p' r j)).

Definition product (g p' : rnn) : R :=
  dot n_a n_x (Wax_ g) (Wax_ p') + dot n_a n_a (Waa_ g) (Waa_ p') + sum n_a (fun r => ba_ g r * ba_ p' r)
  + dot n_a m (a0_ g) (a0_ p') + sum T (fun t => dot n_x m (x_ g t) (x_ p' t)).

Definition z' (p p' : rnn) t (a a' : matrix) : matrix := fun r j =>
  (sum n_a (fun q => Waa_ p' r q * a q j + Waa_ p r q * a' q j) + ba_ p' r)
  + (sum n_x (fun q => Wax_ p' r q * x_ p t q j + Wax_ p r q * x_ p' t q j) + 0).
Definition step' p p' t a a' : matrix := fun r j =>
  (1 - (step n_x n_a p t a r j)²) * z' p p' t a a' r j.

Lemma D_step p e p' : moves p e p' -> forall t a a', (t < T)%nat ->
  (forall r j, (r < n_a)%nat -> (j < m)%nat -> D (fun y => a y r j) e (a' r j)) ->
  forall r j, (r < n_a)%nat -> (j < m)%nat ->
  D (fun y => step n_x n_a (p y) t (a y) r j) e (step' (p e) p' t (a e) a' r j).
Proof.
  intros (Hx' & Ha' & Hb & Hx & H0) t a a' Ht Ha r j Hr Hj.
  apply (D_chain _ tanh); [apply D_tanh|].
  apply (D_ext (fun y => (sum n_a (fun q => Waa_ (p y) r q * a y q j) + ba_ (p y) r)
                         + (sum n_x (fun q => Wax_ (p y) r q * x_ (p y) t q j) + 0))).
  { intros y. unfold z. ring. }
  apply (D_plus (fun y => sum n_a (fun q => Waa_ (p y) r q * a y q j) + ba_ (p y) r)
                (fun y => sum n_x (fun q => Wax_ (p y) r q * x_ (p y) t q j) + 0)).
  - apply (D_linear n_a (fun y => Waa_ (p y)) a (fun y => ba_ (p y))); auto.
  - apply (D_linear n_x (fun y => Wax_ (p y)) (fun y => x_ (p y) t) (fun _ _ => 0) e (Wax_ p') (x_ p' t) (fun _ => 0)); auto.
    apply D_const.
Qed.

Lemma step_adjoint p p' t A a a' :
  dot n_a m A (step' p p' t a a')
  = dot n_a m (da_prev n_x n_a (Wax_ p) (Waa_ p) (ba_ p) (x_ p t) a A) a'
    + (dot n_a n_x (dWax n_x n_a m (Wax_ p) (Waa_ p) (ba_ p) (x_ p t) a A) (Wax_ p')
       + dot n_a n_a (dWaa n_x n_a m (Wax_ p) (Waa_ p) (ba_ p) (x_ p t) a A) (Waa_ p')
       + sum n_a (fun r => dba n_x n_a m (Wax_ p) (Waa_ p) (ba_ p) (x_ p t) a A r * ba_ p' r)
       + dot n_x m (dxt n_x n_a (Wax_ p) (Waa_ p) (ba_ p) (x_ p t) a A) (x_ p' t)).
Proof.
  transitivity (dot n_a m (dz n_x n_a (Wax_ p) (Waa_ p) (ba_ p) (x_ p t) a A) (z' p p' t a a')).
  { apply dot_ext. intros r j _ _. unfold step', dz, step, Rsqr. ring. }
  unfold z'. rewrite dot_plus_r, !linear. unfold da_prev, dWax, dWaa, dba, dxt.
  rewrite (sum_none n_a (fun r => _ * 0)) by (intros; ring). ring.
Qed.

Theorem rnn_sequence (da : nat -> matrix) (p : R -> rnn) (e : R) (p' : rnn) :
  moves p e p' ->
  D (fun y => loss n_x n_a m T (p y) da) e (product (gradient n_x n_a m T (p e) da) p').
Proof.
  intros Hp.
  eapply D_is.
  - apply (recurrence n_a m T (fun y => step n_x n_a (p y)) (fun y => a0_ (p y)) e (step' (p e) p') (a0_ p')
      (back n_x n_a (p e)) (fun t A =>
        dot n_a n_x (dWax n_x n_a m (Wax_ (p e)) (Waa_ (p e)) (ba_ (p e)) (x_ (p e) t) (hidden n_x n_a (p e) t) A) (Wax_ p')
       + dot n_a n_a (dWaa n_x n_a m (Wax_ (p e)) (Waa_ (p e)) (ba_ (p e)) (x_ (p e) t) (hidden n_x n_a (p e) t) A) (Waa_ p')
       + sum n_a (fun r => dba n_x n_a m (Wax_ (p e)) (Waa_ (p e)) (ba_ (p e)) (x_ (p e) t) (hidden n_x n_a (p e) t) A r * ba_ p' r)
       + dot n_x m (dxt n_x n_a (Wax_ (p e)) (Waa_ (p e)) (ba_ (p e)) (x_ (p e) t) (hidden n_x n_a (p e) t) A) (x_ p' t))).
    + apply Hp.
    + apply (D_step p e p' Hp).
    + intros t A a'. apply step_adjoint.
  - unfold product. rewrite !sum_plus, !dot_sum.
    rewrite vector_sum. unfold gradient, arrives. simpl. ring.
Qed.
End Theorems.
