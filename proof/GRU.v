(* The GRU, (79) to (87), with its reset before the product and after it, and with any
   activations f of the gates and g of the candidate that have a derivative everywhere. *)
From LSTM Require Import Lemmas Equations Cell Recurrence.

Inductive part := kz | kr | kc.                 (* update gate, reset gate, candidate *)
Definition sum_parts (v : part -> R) : R := v kz + v kr + v kc.

(* a column weight that acts on the stack, cut likewise *)
Lemma dot_columns n_x n_a n A B :
  dot n (n_a + n_x) A B = dot n n_a A B + dot n n_x (fun r q => A r (n_a + q)%nat) (fun r q => B r (n_a + q)%nat).
Proof. unfold dot. rewrite <- sum_plus. apply sum_ext. intros r _. apply sum_cut. Qed.

Record gru := { W_ : part -> matrix; b_ : part -> nat -> R; bca_ : nat -> R; x_ : nat -> matrix; a0_ : matrix }.

Section GRU.
Variables f f' g g' : R -> R.
Variables n_x n_a m : nat.

Section Step.
Variable reset_after : bool.
Variable W : part -> matrix.                    (* each (n_a, n_a + n_x) *)
Variable b : part -> nat -> R.                  (* each (n_a, 1) *)
Variable bca : nat -> R.                        (* (n_a, 1) *)
Variables xt a_prev da : matrix.                (* (n_x, m), (n_a, m), (n_a, m) *)

Local Notation Wca := (W kc).                   (* its first n_a columns *)
Definition Wcx r q := W kc r (n_a + q)%nat.     (* its others *)

Definition z k r j := sum (n_a + n_x) (fun q => W k r q * stack n_a xt a_prev q j) + b k r.
Definition Γz r j := f (z kz r j).                                                   (* (79) *)
Definition Γr r j := f (z kr r j).                                                   (* (79) *)
Definition reset_stack := stack n_a xt (fun r j => Γr r j * a_prev r j).
Definition v r j := sum n_a (fun q => Wca r q * a_prev q j) + bca r.                 (* (82) *)
Definition zc r j :=
  if reset_after
  then sum n_x (fun q => Wcx r q * xt q j) + b kc r + Γr r j * v r j                 (* (82) *)
  else sum (n_a + n_x) (fun q => W kc r q * reset_stack q j) + b kc r.               (* (81) *)
Definition cct r j := g (zc r j).
Definition a_next r j := (1 - Γz r j) * cct r j + Γz r j * a_prev r j.               (* (80) *)

Definition dcct r j := da r j * (1 - Γz r j) * g' (zc r j).                          (* (83) *)
Definition dΓz r j := da r j * (a_prev r j - cct r j) * f' (z kz r j).               (* (84) *)
Definition e q j := sum n_a (fun r => Wca r q * dcct r j).
Definition dv r j := dcct r j * Γr r j.                                              (* (86) *)
Definition e' q j := sum n_a (fun r => Wca r q * dv r j).
Definition dΓr r j :=
  if reset_after
  then dcct r j * v r j * f' (z kr r j)                                              (* (86) *)
  else e r j * a_prev r j * f' (z kr r j).                                           (* (85) *)

Definition dWz r q := sum m (fun j => dΓz r j * stack n_a xt a_prev q j).
Definition dWr r q := sum m (fun j => dΓr r j * stack n_a xt a_prev q j).
Definition dWc r q :=
  if reset_after
  then if q <? n_a then sum m (fun j => dv r j * a_prev q j) else sum m (fun j => dcct r j * xt (q - n_a)%nat j)
  else sum m (fun j => dcct r j * reset_stack q j).
Definition dbca r := if reset_after then sum m (fun j => dv r j) else 0.
Definition dz k := match k with kz => dΓz | kr => dΓr | kc => dcct end.
Definition dW k := match k with kz => dWz | kr => dWr | kc => dWc end.
Definition db k r := sum m (fun j => dz k r j).

Definition da_prev q j :=                                                            (* (87) *)
  da q j * Γz q j + sum n_a (fun r => W kz r q * dΓz r j) + sum n_a (fun r => W kr r q * dΓr r j)
  + (if reset_after then e' q j else e q j * Γr q j).
Definition dxt q j := sum_parts (fun k => sum n_a (fun r => W k r (n_a + q)%nat * dz k r j)).
End Step.

Variable T : nat.
Variable reset_after : bool.

Definition step p t := a_next reset_after (W_ p) (b_ p) (bca_ p) (x_ p t).
Definition hidden p := run (step p) (a0_ p).
Definition loss (da : nat -> matrix) p := sum T (fun t => dot n_a m (da t) (hidden p (S t))).
Definition back p t := da_prev reset_after (W_ p) (b_ p) (bca_ p) (x_ p t) (hidden p t).
Definition arrives da p t := total da t (carry (back p) da (T - S t) (S t)).

Definition gradient (da : nat -> matrix) (p : gru) : gru := {|
  W_ := fun k r q => sum T (fun t => dW reset_after (W_ p) (b_ p) (bca_ p) (x_ p t) (hidden p t) (arrives da p t) k r q);
  b_ := fun k r => sum T (fun t => db reset_after (W_ p) (b_ p) (bca_ p) (x_ p t) (hidden p t) (arrives da p t) k r);
  bca_ := fun r => sum T (fun t => dbca reset_after (W_ p) (b_ p) (bca_ p) (x_ p t) (hidden p t) (arrives da p t) r);
  x_ := fun t => dxt reset_after (W_ p) (b_ p) (bca_ p) (x_ p t) (hidden p t) (arrives da p t);
  a0_ := carry (back p) da T 0 |}.

Definition moves (p : R -> gru) (y0 : R) (p' : gru) : Prop :=
  (forall k r q, (r < n_a)%nat -> (q < n_a + n_x)%nat -> D (fun y => W_ (p y) k r q) y0 (W_ p' k r q)) /\
  (forall k r, (r < n_a)%nat -> D (fun y => b_ (p y) k r) y0 (b_ p' k r)) /\
  (forall r, (r < n_a)%nat -> D (fun y => bca_ (p y) r) y0 (bca_ p' r)) /\
  (forall t q j, (t < T)%nat -> (q < n_x)%nat -> (j < m)%nat -> D (fun y => x_ (p y) t q j) y0 (x_ p' t q j)) /\
  (forall r j, (r < n_a)%nat -> (j < m)%nat -> D (fun y => a0_ (p y) r j) y0 (a0_ p' r j)).

Definition product (h p' : gru) : R :=
  sum_parts (fun k => dot n_a (n_a + n_x) (W_ h k) (W_ p' k) + sum n_a (fun r => b_ h k r * b_ p' k r))
  + sum n_a (fun r => bca_ h r * bca_ p' r) + dot n_a m (a0_ h) (a0_ p')
  + sum T (fun t => dot n_x m (x_ h t) (x_ p' t)).

(* The tangents *)
Section Tangents.
Variables p p' : gru.
Variable t : nat.
Variables a a' : matrix.
Local Notation at_p fn := (fn (W_ p) (b_ p) (x_ p t) a) (only parsing).

Definition z' k : matrix := fun r j => sum (n_a + n_x) (fun q => W_ p' k r q * stack n_a (x_ p t) a q j
  + W_ p k r q * stack n_a (x_ p' t) a' q j) + b_ p' k r.
Definition Γr' r j := f' (at_p z kr r j) * z' kr r j.
Definition v' : matrix := fun r j => sum n_a (fun q => W_ p' kc r q * a q j + W_ p kc r q * a' q j) + bca_ p' r.
Definition zc' : matrix := fun r j =>
  if reset_after
  then sum n_x (fun q => Wcx (W_ p') r q * x_ p t q j + Wcx (W_ p) r q * x_ p' t q j) + b_ p' kc r
       + (Γr' r j * v (W_ p) (bca_ p) a r j + at_p Γr r j * v' r j)
  else sum (n_a + n_x) (fun q => W_ p' kc r q * at_p reset_stack q j
         + W_ p kc r q * stack n_a (x_ p' t) (fun r j => Γr' r j * a r j + at_p Γr r j * a' r j) q j) + b_ p' kc r.
Definition step' : matrix := fun r j =>
  (- (f' (at_p z kz r j) * z' kz r j)) * cct reset_after (W_ p) (b_ p) (bca_ p) (x_ p t) a r j
  + (1 - at_p Γz r j) * (g' (zc reset_after (W_ p) (b_ p) (bca_ p) (x_ p t) a r j) * zc' r j)
  + (f' (at_p z kz r j) * z' kz r j * a r j + at_p Γz r j * a' r j).
End Tangents.

Hypothesis Hf : forall v, D f v (f' v).
Hypothesis Hg : forall v, D g v (g' v).

Lemma D_stack (xt a : R -> matrix) y0 xt' a' j :
  (forall q, (q < n_x)%nat -> D (fun y => xt y q j) y0 (xt' q j)) ->
  (forall r, (r < n_a)%nat -> D (fun y => a y r j) y0 (a' r j)) ->
  forall q, (q < n_a + n_x)%nat -> D (fun y => stack n_a (xt y) (a y) q j) y0 (stack n_a xt' a' q j).
Proof.
  intros Hx Ha q Hq. unfold stack. destruct (Nat.ltb_spec q n_a); [auto|apply Hx; lia].
Qed.

Lemma D_step p y0 p' : moves p y0 p' -> forall t a a', (t < T)%nat ->
  (forall r j, (r < n_a)%nat -> (j < m)%nat -> D (fun y => a y r j) y0 (a' r j)) ->
  forall r j, (r < n_a)%nat -> (j < m)%nat ->
  D (fun y => step (p y) t (a y) r j) y0 (step' (p y0) p' t (a y0) a' r j).
Proof.
  intros (HW & Hb & Hbca & Hx & H0) t a a' Ht Ha r j Hr Hj.
  assert (Hz : forall k r, (r < n_a)%nat -> D (fun y => z (W_ (p y)) (b_ (p y)) (x_ (p y) t) (a y) k r j) y0
                                         (z' (p y0) p' t (a y0) a' k r j)).
  { intros k i Hi. apply (D_linear (n_a + n_x) (fun y => W_ (p y) k) (fun y => stack n_a (x_ (p y) t) (a y)) (fun y => b_ (p y) k)); auto.
    apply (D_stack (fun y => x_ (p y) t) a); auto. }
  assert (Hr' : forall r, (r < n_a)%nat -> D (fun y => Γr (W_ (p y)) (b_ (p y)) (x_ (p y) t) (a y) r j) y0
                                            (Γr' (p y0) p' t (a y0) a' r j)).
  { intros i Hi. apply (D_chain _ f); auto. }
  assert (Hc : D (fun y => zc reset_after (W_ (p y)) (b_ (p y)) (bca_ (p y)) (x_ (p y) t) (a y) r j) y0
                 (zc' (p y0) p' t (a y0) a' r j)).
  { unfold zc, zc'. destruct reset_after.
    - apply (D_plus (fun y => sum n_x (fun q => Wcx (W_ (p y)) r q * x_ (p y) t q j) + b_ (p y) kc r)
        (fun y => Γr (W_ (p y)) (b_ (p y)) (x_ (p y) t) (a y) r j * v (W_ (p y)) (bca_ (p y)) (a y) r j)).
      + apply (D_linear n_x (fun y => Wcx (W_ (p y))) (fun y => x_ (p y) t) (fun y => b_ (p y) kc)); auto.
        intros q Hq. apply HW; [exact Hr|lia].
      + apply (D_times (fun y => Γr (W_ (p y)) (b_ (p y)) (x_ (p y) t) (a y) r j)
                       (fun y => v (W_ (p y)) (bca_ (p y)) (a y) r j)); [auto|].
        apply (D_linear n_a (fun y => W_ (p y) kc) a (fun y => bca_ (p y))); auto.
        intros q Hq. apply HW; [exact Hr|lia].
    - apply (D_linear (n_a + n_x) (fun y => W_ (p y) kc) (fun y => reset_stack (W_ (p y)) (b_ (p y)) (x_ (p y) t) (a y))
               (fun y => b_ (p y) kc)); auto.
      apply (D_stack (fun y => x_ (p y) t) (fun y r j => Γr (W_ (p y)) (b_ (p y)) (x_ (p y) t) (a y) r j * a y r j)); auto.
      intros i Hi. apply (D_times (fun y => Γr (W_ (p y)) (b_ (p y)) (x_ (p y) t) (a y) i j) (fun y => a y i j)); auto. }
  assert (Hg' := D_chain _ g _ _ _ (Hg _) Hc).
  assert (Hf' := D_chain _ f _ _ _ (Hf _) (Hz kz r Hr)).
  apply (D_plus (fun y => (1 - Γz (W_ (p y)) (b_ (p y)) (x_ (p y) t) (a y) r j)
                          * cct reset_after (W_ (p y)) (b_ (p y)) (bca_ (p y)) (x_ (p y) t) (a y) r j)
                (fun y => Γz (W_ (p y)) (b_ (p y)) (x_ (p y) t) (a y) r j * a y r j)).
  - apply (D_times (fun y => 1 - Γz (W_ (p y)) (b_ (p y)) (x_ (p y) t) (a y) r j)
                   (fun y => cct reset_after (W_ (p y)) (b_ (p y)) (bca_ (p y)) (x_ (p y) t) (a y) r j)); [|exact Hg'].
    eapply D_is; [apply (D_minus (fun _ => 1) (fun y => Γz (W_ (p y)) (b_ (p y)) (x_ (p y) t) (a y) r j));
                  [apply D_const|exact Hf']|cbv beta; ring].
  - apply (D_times (fun y => Γz (W_ (p y)) (b_ (p y)) (x_ (p y) t) (a y) r j) (fun y => a y r j)); auto.
Qed.

(* what one step's own arguments bring *)
Definition rest p p' t a A : R :=
  sum_parts (fun k =>
    dot n_a (n_a + n_x) (dW reset_after (W_ p) (b_ p) (bca_ p) (x_ p t) a A k) (W_ p' k)
    + sum n_a (fun r => db reset_after (W_ p) (b_ p) (bca_ p) (x_ p t) a A k r * b_ p' k r))
  + sum n_a (fun r => dbca reset_after (W_ p) (b_ p) (bca_ p) (x_ p t) a A r * bca_ p' r)
  + dot n_x m (dxt reset_after (W_ p) (b_ p) (bca_ p) (x_ p t) a A) (x_ p' t).

Section Adjoint.
Variables p p' : gru.
Variable t : nat.
Variables A a a' : matrix.
Local Notation here fn := (fn reset_after (W_ p) (b_ p) (bca_ p) (x_ p t) a A) (only parsing).
Local Notation dz k := (here dz k).
Local Notation z' k := (z' p p' t a a' k).

(* (79): a gate *)
Lemma gate_adjoint k : k <> kc ->
  dot n_a m (dz k) (z' k)
  = dot n_a (n_a + n_x) (here dW k) (W_ p' k) + sum n_a (fun r => here db k r * b_ p' k r)
    + dot n_a m (fun q j => sum n_a (fun r => W_ p k r q * dz k r j)) a'
    + dot n_x m (fun q j => sum n_a (fun r => W_ p k r (n_a + q)%nat * dz k r j)) (x_ p' t).
Proof.
  intros Hk. unfold GRU.z'. rewrite linear, dot_stack. rewrite <- Rplus_assoc. destruct k; [reflexivity|reflexivity|congruence].
Qed.

(* (80): the three that the state is made of *)
Lemma state_adjoint :
  dot n_a m A (step' p p' t a a')
  = dot n_a m (dz kz) (z' kz) + dot n_a m (dz kc) (zc' p p' t a a')
    + dot n_a m (fun r j => A r j * Γz (W_ p) (b_ p) (x_ p t) a r j) a'.
Proof.
  unfold dot. rewrite <- !sum_plus. apply sum_ext. intros r _. rewrite <- !sum_plus. apply sum_ext. intros j _.
  unfold step', GRU.dz, dΓz, dcct, Γz. ring.
Qed.

(* (81) or (82): the candidate, and the reset gate inside of it *)
Lemma candidate_adjoint :
  dot n_a m (dz kc) (zc' p p' t a a')
  = dot n_a m (dz kr) (z' kr)
    + dot n_a (n_a + n_x) (here dW kc) (W_ p' kc) + sum n_a (fun r => here db kc r * b_ p' kc r)
    + sum n_a (fun r => here dbca r * bca_ p' r)
    + dot n_a m (fun q j => if reset_after then here e' q j else here e q j * Γr (W_ p) (b_ p) (x_ p t) a q j) a'
    + dot n_x m (fun q j => sum n_a (fun r => W_ p kc r (n_a + q)%nat * dz kc r j)) (x_ p' t).
Proof.
  unfold zc', GRU.dW, db, GRU.dz, dWc, dbca, dΓr. destruct reset_after.
  - transitivity (
      dot n_a m (fun r j => dcct true (W_ p) (b_ p) (bca_ p) (x_ p t) a A r j * v (W_ p) (bca_ p) a r j * f' (z (W_ p) (b_ p) (x_ p t) a kr r j)) (z' kr)
      + dot n_a m (dcct true (W_ p) (b_ p) (bca_ p) (x_ p t) a A)
          (fun r j => sum n_x (fun q => Wcx (W_ p') r q * x_ p t q j + Wcx (W_ p) r q * x_ p' t q j) + b_ p' kc r)
      + dot n_a m (dv true (W_ p) (b_ p) (bca_ p) (x_ p t) a A) (v' p p' a a')).
    { unfold dot. rewrite <- !sum_plus. apply sum_ext. intros r _. rewrite <- !sum_plus. apply sum_ext. intros j _.
      unfold Γr', dv. ring. }
    unfold v'. rewrite !linear, dot_columns.
    assert (E1 : dot n_a n_a (fun r q => if q <? n_a
        then sum m (fun j => dv true (W_ p) (b_ p) (bca_ p) (x_ p t) a A r j * a q j)
        else sum m (fun j => dcct true (W_ p) (b_ p) (bca_ p) (x_ p t) a A r j * x_ p t (q - n_a)%nat j)) (W_ p' kc)
      = dot n_a n_a (fun r q => sum m (fun j => dv true (W_ p) (b_ p) (bca_ p) (x_ p t) a A r j * a q j)) (W_ p' kc)).
    { apply dot_ext. intros r q _ Hq. now rewrite (proj2 (Nat.ltb_lt q n_a) Hq). }
    assert (E2 : dot n_a n_x (fun r q => if n_a + q <? n_a
        then sum m (fun j => dv true (W_ p) (b_ p) (bca_ p) (x_ p t) a A r j * a (n_a + q)%nat j)
        else sum m (fun j => dcct true (W_ p) (b_ p) (bca_ p) (x_ p t) a A r j * x_ p t (n_a + q - n_a)%nat j)) (fun r q => W_ p' kc r (n_a + q)%nat)
      = dot n_a n_x (fun r q => sum m (fun j => dcct true (W_ p) (b_ p) (bca_ p) (x_ p t) a A r j * x_ p t q j)) (Wcx (W_ p'))).
    { apply dot_ext. intros r q _ Hq. rewrite (proj2 (Nat.ltb_ge (n_a + q) n_a)) by lia.
      now replace (n_a + q - n_a)%nat with q by lia. }
    rewrite E1, E2. unfold e', Wcx. ring.
  - rewrite linear, dot_stack, dot_plus_r.
    rewrite (dot_ext n_a m _ (fun r j => Γr' p p' t a a' r j * a r j)
      (fun r j => e false (W_ p) (b_ p) (bca_ p) (x_ p t) a A r j * a r j * f' (z (W_ p) (b_ p) (x_ p t) a kr r j)) (z' kr)).
    2: { intros r j _ _. unfold Γr', e. ring. }
    rewrite (dot_ext n_a m _ (fun r j => Γr (W_ p) (b_ p) (x_ p t) a r j * a' r j)
      (fun q j => e false (W_ p) (b_ p) (bca_ p) (x_ p t) a A q j * Γr (W_ p) (b_ p) (x_ p t) a q j) a').
    2: { intros r j _ _. unfold e. ring. }
    rewrite (sum_none n_a (fun r => 0 * bca_ p' r)) by (intros; ring). ring.
Qed.

Lemma step_adjoint : dot n_a m A (step' p p' t a a') = dot n_a m (here da_prev) a' + rest p p' t a A.
Proof.
  rewrite state_adjoint, candidate_adjoint, !gate_adjoint by congruence.
  unfold rest, da_prev, dxt, sum_parts. rewrite !dot_plus. simpl. ring.
Qed.
End Adjoint.

Theorem gru_sequence (da : nat -> matrix) (p : R -> gru) (y0 : R) (p' : gru) :
  moves p y0 p' -> D (fun y => loss da (p y)) y0 (product (gradient da (p y0)) p').
Proof.
  intros Hp. eapply D_is.
  - apply (recurrence n_a m T (fun y => step (p y)) (fun y => a0_ (p y)) y0 (step' (p y0) p') (a0_ p')
      (back (p y0)) (fun t A => rest (p y0) p' t (hidden (p y0) t) A)).
    + apply Hp.
    + apply (D_step p y0 p' Hp).
    + intros t A a'. apply step_adjoint.
  - unfold product, rest, sum_parts. rewrite !sum_plus, !dot_sum, !vector_sum. unfold gradient, arrives. simpl. ring.
Qed.
End GRU.

(* the usual activations *)
Corollary gru_usual reset_after n_x n_a m T da (p : R -> gru) (y0 : R) (p' : gru) :
  moves n_x n_a m T p y0 p' ->
  D (fun y => loss sigmoid tanh n_x n_a m T reset_after da (p y)) y0
    (product n_x n_a m T
      (gradient sigmoid (fun v => sigmoid v * (1 - sigmoid v)) tanh (fun v => 1 - (tanh v)²)
         n_x n_a m T reset_after da (p y0)) p').
Proof. apply gru_sequence; [exact D_sigmoid|exact D_tanh]. Qed.
