(* Entry by entry: each number that (11) to (20) return is a partial derivative. *)
From LSTM Require Import Lemmas Equations Cell Sequence.
From Coq Require Import Bool.

Definition same (k l : gate) : bool :=
  match k, l with gf, gf | gi, gi | gc, gc | go, go => true | _, _ => false end.

(* v where it hits, and else what was there *)
Definition put (hit : bool) (v old : R) : R := if hit then v else old.

(* p with a single entry replaced by v *)
Definition with_W k r q (v : R) p := {|
  weights := fun k' r' q' => put (same k' k && (r' =? r) && (q' =? q)) v (weights p k' r' q');
  biases := biases p; inputs := inputs p; first_a := first_a p; first_c := first_c p |}.
Definition with_b k r (v : R) p := {|
  biases := fun k' r' => put (same k' k && (r' =? r)) v (biases p k' r');
  weights := weights p; inputs := inputs p; first_a := first_a p; first_c := first_c p |}.
Definition with_x t q j (v : R) p := {|
  inputs := fun t' q' j' => put ((t' =? t) && (q' =? q) && (j' =? j)) v (inputs p t' q' j');
  weights := weights p; biases := biases p; first_a := first_a p; first_c := first_c p |}.
Definition with_a0 r j (v : R) p := {|
  first_a := fun r' j' => put ((r' =? r) && (j' =? j)) v (first_a p r' j');
  weights := weights p; biases := biases p; inputs := inputs p; first_c := first_c p |}.
Definition with_c0 r j (v : R) p := {|
  first_c := fun r' j' => put ((r' =? r) && (j' =? j)) v (first_c p r' j');
  weights := weights p; biases := biases p; inputs := inputs p; first_a := first_a p |}.

Definition still : arguments := {|
  weights := fun _ => zero; biases := fun _ _ => 0; inputs := fun _ => zero; first_a := zero; first_c := zero |}.

Lemma D_put hit old e : D (fun v => put hit v old) e (put hit 1 0).
Proof. destruct hit; [exact (D_id e)|exact (D_const old e)]. Qed.

Lemma same_eq k l : same k l = true <-> k = l.
Proof. destruct k, l; simpl; split; congruence. Qed.

(* put back what is there: nothing changes *)
Lemma put_same hit v old : (hit = true -> v = old) -> put hit v old = old.
Proof. destruct hit; simpl; auto. Qed.

Ltac unchanged p := destruct p; unfold with_W, with_b, with_x, with_a0, with_c0; simpl; f_equal;
  repeat (apply functional_extensionality; intro); apply put_same;
  rewrite ?andb_true_iff, ?same_eq, ?Nat.eqb_eq; intuition (subst; reflexivity).

(* a tangent that is 1 at one entry and 0 elsewhere picks that entry of a gradient *)
Lemma dot_put n m A r j (hit : nat -> nat -> bool) :
  (r < n)%nat -> (j < m)%nat -> (forall r' j', hit r' j' = true <-> r' = r /\ j' = j) ->
  dot n m A (fun r' j' => put (hit r' j') 1 0) = A r j.
Proof.
  intros Hr Hj H. rewrite (dot_one _ _ _ _ r j Hr Hj).
  - rewrite (proj2 (H r j)) by auto. simpl. ring.
  - intros r' j' _ _ Hn. destruct (hit r' j') eqn:E; simpl; [|ring]. apply H in E. lia.
Qed.

Ltac vanish := repeat first
  [ rewrite dot_none by (intros; unfold zero, put; simpl; ring)
  | rewrite sum_none by (intros; first [unfold zero, put; simpl; ring | apply dot_none; intros; unfold zero, put; simpl; ring]) ].
Ltac settle := intros; rewrite ?andb_true_iff, ?Nat.eqb_eq; intuition.

Section Pick.
Variables n_x n_a m T : nat.
Variable g : arguments.
Local Notation product := (product n_x n_a m T g).

Lemma pick_W k r q : (r < n_a)%nat -> (q < n_a + n_x)%nat -> product (with_W k r q 1 still) = weights g k r q.
Proof.
  intros Hr Hq. unfold Sequence.product, sum_gates; destruct k; simpl; unfold zero;
    (rewrite (dot_put n_a (n_a + n_x) _ r q (fun r' q' => (r' =? r) && (q' =? q))) by (assumption || settle)); vanish; ring.
Qed.

Lemma pick_b k r : (r < n_a)%nat -> product (with_b k r 1 still) = biases g k r.
Proof.
  intros Hr. unfold Sequence.product, sum_gates; destruct k; simpl;
  (rewrite (sum_one n_a r (fun r' => biases g _ r' * put (r' =? r) 1 0) Hr);
    [|intros i _ Hn; apply Nat.eqb_neq in Hn; rewrite Hn; simpl; ring]); rewrite Nat.eqb_refl; simpl; vanish; ring.
Qed.

Lemma pick_x t q j : (t < T)%nat -> (q < n_x)%nat -> (j < m)%nat -> product (with_x t q j 1 still) = inputs g t q j.
Proof.
  intros Ht Hq Hj. unfold Sequence.product, sum_gates; simpl; unfold zero.
  rewrite (sum_one T t _ Ht).
  - rewrite Nat.eqb_refl. simpl.
    rewrite (dot_put n_x m _ q j (fun q' j' => (q' =? q) && (j' =? j))) by (assumption || settle). vanish; ring.
  - intros i _ Hn. apply Nat.eqb_neq in Hn. rewrite Hn. simpl. vanish. reflexivity.
Qed.

Lemma pick_a0 r j : (r < n_a)%nat -> (j < m)%nat -> product (with_a0 r j 1 still) = first_a g r j.
Proof.
  intros Hr Hj. unfold Sequence.product, sum_gates; simpl; unfold zero.
  rewrite (dot_put n_a m _ r j (fun r' j' => (r' =? r) && (j' =? j))) by (assumption || settle). vanish; ring.
Qed.

Lemma pick_c0 r j : (r < n_a)%nat -> (j < m)%nat -> product (with_c0 r j 1 still) = first_c g r j.
Proof.
  intros Hr Hj. unfold Sequence.product, sum_gates; simpl; unfold zero.
  rewrite (dot_put n_a m _ r j (fun r' j' => (r' =? r) && (j' =? j))) by (assumption || settle). vanish; ring.
Qed.
End Pick.

(* one entry moves at 1, the others stay *)
Ltac one_moves := unfold moves; simpl; repeat split; intros; unfold zero; first [apply D_put | apply D_const].

Section Gradients.
Variables n_x n_a m T : nat.

(* g is the gradient of L at p: along every path through p *)
Definition is_gradient (L : arguments -> R) (p g : arguments) : Prop :=
  forall (path : R -> arguments) (e : R) (p' : arguments),
  path e = p -> moves n_x n_a m T path e p' ->
  D (fun y => L (path y)) e (product n_x n_a m T g p').

(* then each of its entries is a partial derivative *)
Definition each_entry (L : arguments -> R) (p g : arguments) : Prop :=
  (forall k r q, (r < n_a)%nat -> (q < n_a + n_x)%nat ->
    D (fun v => L (with_W k r q v p)) (weights p k r q) (weights g k r q)) /\
  (forall k r, (r < n_a)%nat ->
    D (fun v => L (with_b k r v p)) (biases p k r) (biases g k r)) /\
  (forall t q j, (t < T)%nat -> (q < n_x)%nat -> (j < m)%nat ->
    D (fun v => L (with_x t q j v p)) (inputs p t q j) (inputs g t q j)) /\
  (forall r j, (r < n_a)%nat -> (j < m)%nat ->
    D (fun v => L (with_a0 r j v p)) (first_a p r j) (first_a g r j)) /\
  (forall r j, (r < n_a)%nat -> (j < m)%nat ->
    D (fun v => L (with_c0 r j v p)) (first_c p r j) (first_c g r j)).

Theorem entries L p g : is_gradient L p g -> each_entry L p g.
Proof.
  intros H. repeat split; intros.
  - rewrite <- (pick_W n_x n_a m T g) by assumption. apply H; [unchanged p|one_moves].
  - rewrite <- (pick_b n_x n_a m T g) by assumption. apply H; [unchanged p|one_moves].
  - rewrite <- (pick_x n_x n_a m T g) by assumption. apply H; [unchanged p|one_moves].
  - rewrite <- (pick_a0 n_x n_a m T g) by assumption. apply H; [unchanged p|one_moves].
  - rewrite <- (pick_c0 n_x n_a m T g) by assumption. apply H; [unchanged p|one_moves].
Qed.

(* and no other arrays are the gradient: whatever differs from it at one entry is not *)
Theorem one_gradient L p g h :
  is_gradient L p g -> is_gradient L p h ->
  (forall k r q, (r < n_a)%nat -> (q < n_a + n_x)%nat ->
    weights g k r q = weights h k r q) /\
  (forall k r, (r < n_a)%nat -> biases g k r = biases h k r) /\
  (forall t q j, (t < T)%nat -> (q < n_x)%nat -> (j < m)%nat ->
    inputs g t q j = inputs h t q j) /\
  (forall r j, (r < n_a)%nat -> (j < m)%nat ->
    first_a g r j = first_a h r j) /\
  (forall r j, (r < n_a)%nat -> (j < m)%nat ->
    first_c g r j = first_c h r j).
Proof.
  intros Hg%entries Hh%entries. repeat split; intros; (eapply D_unique; [apply Hg|apply Hh]); assumption.
Qed.
End Gradients.

(* The five theorems *)
Section Entries.
Variables n_x n_a m T : nat.
Variables da dc : nat -> matrix.
Variable p : arguments.
Local Notation L := (loss n_x n_a m T da dc).

Lemma the_gradient : each_entry n_x n_a m T L p (gradient n_x n_a m T da dc p).
Proof. apply entries. intros path e p' <-. apply sequence. Qed.

Theorem entry_W k r q : (r < n_a)%nat -> (q < n_a + n_x)%nat ->
  D (fun v => L (with_W k r q v p)) (weights p k r q)
    (dW n_x n_a m (weights p) (biases p) (inputs p)
       (first_a p) (first_c p) da dc T k r q).
Proof. apply the_gradient. Qed.

Theorem entry_b k r : (r < n_a)%nat ->
  D (fun v => L (with_b k r v p)) (biases p k r)
    (db n_x n_a m (weights p) (biases p) (inputs p)
       (first_a p) (first_c p) da dc T k r).
Proof. apply the_gradient. Qed.

Theorem entry_x t q j : (t < T)%nat -> (q < n_x)%nat -> (j < m)%nat ->
  D (fun v => L (with_x t q j v p)) (inputs p t q j)
    (dx n_x n_a (weights p) (biases p) (inputs p)
       (first_a p) (first_c p) da dc T t q j).
Proof. apply the_gradient. Qed.

Theorem entry_a0 r j : (r < n_a)%nat -> (j < m)%nat ->
  D (fun v => L (with_a0 r j v p)) (first_a p r j)
    (da0 n_x n_a (weights p) (biases p) (inputs p)
       (first_a p) (first_c p) da dc T r j).
Proof. apply the_gradient. Qed.

Theorem entry_c0 r j : (r < n_a)%nat -> (j < m)%nat ->
  D (fun v => L (with_c0 r j v p)) (first_c p r j)
    (dc0 n_x n_a (weights p) (biases p) (inputs p)
       (first_a p) (first_c p) da dc T r j).
Proof. apply the_gradient. Qed.
End Entries.
