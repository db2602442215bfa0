(* Peepholes, (66) to (69): the gates look at the memory of their unit. *)
From LSTM Require Import Lemmas Equations Cell.

Section Step.
Variables n_x n_a m : nat.
Variable W : gate -> matrix.                    (* each (n_a, n_a + n_x) *)
Variable b : gate -> nat -> R.                  (* each (n_a, 1) *)
Variable P : gate -> nat -> R.                  (* each (n_a, 1); the candidate has none, P gc is not used *)
Variables xt a_prev c_prev : matrix.            (* (n_x, m), (n_a, m), (n_a, m) *)
Local Notation Pf := (P gf). Local Notation Pi := (P gi). Local Notation Po := (P go).

Definition Wz k r j := sum (n_a + n_x) (fun q => W k r q * stack n_a xt a_prev q j) + b k r.
Definition Γf r j := sigmoid (Wz gf r j + Pf r * c_prev r j).                        (* (66) *)
Definition Γi r j := sigmoid (Wz gi r j + Pi r * c_prev r j).                        (* (66) *)
Definition cct r j := tanh (Wz gc r j).
Definition c_next r j := Γf r j * c_prev r j + Γi r j * cct r j.
Definition Γo r j := sigmoid (Wz go r j + Po r * c_next r j).                        (* (66) *)
Definition a_next r j := Γo r j * tanh (c_next r j).

Variables da dc : matrix.                       (* (n_a, m) *)

Definition s r j := da r j * Γo r j * (1 - (tanh (c_next r j))²).
Definition dΓo r j := da r j * tanh (c_next r j) * Γo r j * (1 - Γo r j).
Definition B r j := dc r j + s r j + Po r * dΓo r j.                                 (* (68) *)
Definition dcct r j := B r j * Γi r j * (1 - cct r j * cct r j).
Definition dΓi r j := B r j * cct r j * Γi r j * (1 - Γi r j).
Definition dΓf r j := B r j * c_prev r j * Γf r j * (1 - Γf r j).
Definition dz k := match k with gf => dΓf | gi => dΓi | gc => dcct | go => dΓo end.

Definition dW k r q := sum m (fun j => dz k r j * stack n_a xt a_prev q j).
Definition db k r := sum m (fun j => dz k r j).
Definition dP k r :=                                                                 (* (67) *)
  match k with
  | gf => sum m (fun j => dΓf r j * c_prev r j)
  | gi => sum m (fun j => dΓi r j * c_prev r j)
  | gc => 0
  | go => sum m (fun j => dΓo r j * c_next r j)
  end.
Definition da_prev q j := sum_gates (fun k => sum n_a (fun r => W k r q * dz k r j)).
Definition dc_prev r j := B r j * Γf r j + Pf r * dΓf r j + Pi r * dΓi r j.          (* (69) *)
Definition dxt q j := sum_gates (fun k => sum n_a (fun r => W k r (n_a + q)%nat * dz k r j)).
End Step.

Record arguments := {
  W_ : gate -> matrix; b_ : gate -> nat -> R; P_ : gate -> nat -> R;
  x_ : nat -> matrix; a0_ : matrix; c0_ : matrix }.

Section Sequence.
Variables n_x n_a m T : nat.
Variable p : arguments.

Fixpoint states (t : nat) : matrix * matrix :=
  match t with
  | 0%nat => (a0_ p, c0_ p)
  | S t => (a_next n_x n_a (W_ p) (b_ p) (P_ p) (x_ p t) (fst (states t)) (snd (states t)),
            c_next n_x n_a (W_ p) (b_ p) (P_ p) (x_ p t) (fst (states t)) (snd (states t)))
  end.
Definition hidden t := fst (states t).
Definition memory t := snd (states t).

Variables da dc : nat -> matrix.
Definition loss := sum T (fun t => dot n_a m (da t) (hidden (S t)) + dot n_a m (dc t) (memory (S t))).

(* (18), (19) *)
Definition total t (g : matrix * matrix) : matrix * matrix :=
  (fun r j => da t r j + fst g r j, fun r j => dc t r j + snd g r j).
Local Notation here fn t A :=
  (fn (W_ p) (b_ p) (P_ p) (x_ p t) (hidden t) (memory t) (fst A) (snd A)) (only parsing).
Fixpoint carried n t : matrix * matrix :=
  match n with
  | 0%nat => (zero, zero)
  | S n => let A := total t (carried n (S t)) in (here (da_prev n_x n_a) t A, here (dc_prev n_x n_a) t A)
  end.
Definition arrives t := total t (carried (T - S t) (S t)).

(* (20) *)
Definition gradient : arguments := {|
  W_ := fun k r q => sum T (fun t => here (dW n_x n_a m) t (arrives t) k r q);
  b_ := fun k r => sum T (fun t => here (db n_x n_a m) t (arrives t) k r);
  P_ := fun k r => sum T (fun t => here (dP n_x n_a m) t (arrives t) k r);
  x_ := fun t => here (dxt n_x n_a) t (arrives t);
  a0_ := fst (carried T 0);
  c0_ := snd (carried T 0) |}.
End Sequence.

Section Theorems.
Variables n_x n_a m T : nat.

Definition moves (p : R -> arguments) (e : R) (p' : arguments) : Prop :=
  (forall k r q, (r < n_a)%nat -> (q < n_a + n_x)%nat -> D (fun y => W_ (p y) k r q) e (W_ p' k r q)) /\
  (forall k r, (r < n_a)%nat -> D (fun y => b_ (p y) k r) e (b_ p' k r)) /\
  (forall k r, (r < n_a)%nat -> D (fun y => P_ (p y) k r) e (P_ p' k r)) /\
  (forall t q j, (t < T)%nat -> (q < n_x)%nat -> (j < m)%nat -> D (fun y => x_ (p y) t q j) e (x_ p' t q j)) /\
  (forall r j, (r < n_a)%nat -> (j < m)%nat -> D (fun y => a0_ (p y) r j) e (a0_ p' r j)) /\
  (forall r j, (r < n_a)%nat -> (j < m)%nat -> D (fun y => c0_ (p y) r j) e (c0_ p' r j)).

Definition own_product (gW : gate -> matrix) (gb gP : gate -> nat -> R) (p' : arguments) : R :=
  sum_gates (fun k => dot n_a (n_a + n_x) (gW k) (W_ p' k) + sum n_a (fun r => gb k r * b_ p' k r)
                      + sum n_a (fun r => gP k r * P_ p' k r)).
Definition product (g p' : arguments) : R :=
  own_product (W_ g) (b_ g) (P_ g) p' + dot n_a m (a0_ g) (a0_ p') + dot n_a m (c0_ g) (c0_ p')
  + sum T (fun t => dot n_x m (x_ g t) (x_ p' t)).

(* The tangents *)
Section Tangents.
Variables p p' : arguments.
Variable t : nat.
Variables a a' c c' : matrix.
Local Notation at_p fn := (fn n_x n_a (W_ p) (b_ p) (P_ p) (x_ p t) a c) (only parsing).
Local Notation ct := (cct n_x n_a (W_ p) (b_ p) (x_ p t) a).

Definition Wz' k : matrix := fun r j => sum (n_a + n_x) (fun q => W_ p' k r q * stack n_a (x_ p t) a q j
  + W_ p k r q * stack n_a (x_ p' t) a' q j) + b_ p' k r.
Definition Γf' r j := at_p Γf r j * (1 - at_p Γf r j) * (Wz' gf r j + (P_ p' gf r * c r j + P_ p gf r * c' r j)).
Definition Γi' r j := at_p Γi r j * (1 - at_p Γi r j) * (Wz' gi r j + (P_ p' gi r * c r j + P_ p gi r * c' r j)).
Definition cct' r j := (1 - (ct r j)²) * Wz' gc r j.
Definition c_next' : matrix := fun r j =>
  Γf' r j * c r j + at_p Γf r j * c' r j + (Γi' r j * ct r j + at_p Γi r j * cct' r j).
Definition Γo' r j := at_p Γo r j * (1 - at_p Γo r j)
  * (Wz' go r j + (P_ p' go r * at_p c_next r j + P_ p go r * c_next' r j)).
Definition a_next' : matrix := fun r j =>
  Γo' r j * tanh (at_p c_next r j) + at_p Γo r j * ((1 - (tanh (at_p c_next r j))²) * c_next' r j).
End Tangents.

Fixpoint states' p p' t : matrix * matrix :=
  match t with
  | 0%nat => (a0_ p', c0_ p')
  | S t => (a_next' p p' t (hidden n_x n_a p t) (fst (states' p p' t)) (memory n_x n_a p t) (snd (states' p p' t)),
            c_next' p p' t (hidden n_x n_a p t) (fst (states' p p' t)) (memory n_x n_a p t) (snd (states' p p' t)))
  end.

Lemma D_step p e p' (a c : R -> matrix) a' c' t : moves p e p' -> (t < T)%nat ->
  (forall r j, (r < n_a)%nat -> (j < m)%nat -> D (fun y => a y r j) e (a' r j) /\ D (fun y => c y r j) e (c' r j)) ->
  forall r j, (r < n_a)%nat -> (j < m)%nat ->
  D (fun y => a_next n_x n_a (W_ (p y)) (b_ (p y)) (P_ (p y)) (x_ (p y) t) (a y) (c y) r j) e
    (a_next' (p e) p' t (a e) a' (c e) c' r j)
  /\ D (fun y => c_next n_x n_a (W_ (p y)) (b_ (p y)) (P_ (p y)) (x_ (p y) t) (a y) (c y) r j) e
    (c_next' (p e) p' t (a e) a' (c e) c' r j).
Proof.
  intros (HW & Hb & HP & Hx & _) Ht H r j Hr Hj.
  destruct (H r j Hr Hj) as [Ha Hc].
  pose (at_y (fn : nat -> nat -> _) y := fn n_x n_a (W_ (p y)) (b_ (p y)) (P_ (p y)) (x_ (p y) t) (a y) (c y) r j : R).
  pose (z_y k y := Wz n_x n_a (W_ (p y)) (b_ (p y)) (x_ (p y) t) (a y) k r j).
  assert (Hz : forall k, D (z_y k) e (Wz' (p e) p' t (a e) a' k r j)).
  { intros k. apply (D_linear (n_a + n_x) (fun y => W_ (p y) k) (fun y => stack n_a (x_ (p y) t) (a y)) (fun y => b_ (p y) k)); auto.
    intros q Hq. unfold stack. destruct (Nat.ltb_spec q n_a); [now apply H|apply Hx; lia]. }
  assert (Hp : forall k v v', D v e v' ->
    D (fun y => z_y k y + P_ (p y) k r * v y) e (Wz' (p e) p' t (a e) a' k r j + (P_ p' k r * v e + P_ (p e) k r * v'))).
  { intros k v v' Hv. apply (D_plus (z_y k) (fun y => P_ (p y) k r * v y)); [apply Hz|].
    apply (D_times (fun y => P_ (p y) k r) v); auto. }
  assert (Hf : D (at_y Γf) e (Γf' (p e) p' t (a e) a' (c e) c' r j)).
  { apply (D_chain _ sigmoid); [apply D_sigmoid|exact (Hp gf _ _ Hc)]. }
  assert (Hi : D (at_y Γi) e (Γi' (p e) p' t (a e) a' (c e) c' r j)).
  { apply (D_chain _ sigmoid); [apply D_sigmoid|exact (Hp gi _ _ Hc)]. }
  assert (Hcc : D (fun y => tanh (z_y gc y)) e (cct' (p e) p' t (a e) a' r j)).
  { apply (D_chain _ tanh); [apply D_tanh|apply Hz]. }
  assert (Hn : D (at_y c_next) e (c_next' (p e) p' t (a e) a' (c e) c' r j)).
  { apply (D_plus (fun y => at_y Γf y * c y r j) (fun y => at_y Γi y * tanh (z_y gc y))).
    - now apply (D_times (at_y Γf) (fun y => c y r j)).
    - now apply (D_times (at_y Γi) (fun y => tanh (z_y gc y))). }
  assert (Ho : D (at_y Γo) e (Γo' (p e) p' t (a e) a' (c e) c' r j)).
  { apply (D_chain _ sigmoid); [apply D_sigmoid|exact (Hp go _ _ Hn)]. }
  split; [|exact Hn].
  apply (D_times (at_y Γo) (fun y => tanh (at_y c_next y))); [exact Ho|].
  apply (D_chain _ tanh); [apply D_tanh|exact Hn].
Qed.

Lemma D_states p e p' : moves p e p' -> forall t, (t <= T)%nat -> forall r j, (r < n_a)%nat -> (j < m)%nat ->
  D (fun y => hidden n_x n_a (p y) t r j) e (fst (states' (p e) p' t) r j)
  /\ D (fun y => memory n_x n_a (p y) t r j) e (snd (states' (p e) p' t) r j).
Proof.
  intros Hp. induction t as [|t IH]; intros Ht r j Hr Hj; [split; now apply Hp|].
  apply (D_step p e p' (fun y => hidden n_x n_a (p y) t) (fun y => memory n_x n_a (p y) t)); auto.
  intros. apply IH; auto. lia.
Qed.

Section Adjoint.
Variables p p' : arguments.
Variable t : nat.
Variables da dc a a' c c' : matrix.
Local Notation here fn := (fn (W_ p) (b_ p) (P_ p) (x_ p t) a c da dc) (only parsing).
Local Notation dz k := (here (dz n_x n_a) k).

Lemma unit_adjoint r j :
  da r j * a_next' p p' t a a' c c' r j + dc r j * c_next' p p' t a a' c c' r j
  = here (dc_prev n_x n_a) r j * c' r j + sum_gates (fun k => dz k r j * Wz' p p' t a a' k r j)
    + (dz gf r j * c r j * P_ p' gf r + dz gi r j * c r j * P_ p' gi r
       + dz go r j * c_next n_x n_a (W_ p) (b_ p) (P_ p) (x_ p t) a c r j * P_ p' go r).
Proof.
  unfold a_next', Γo', c_next', Γf', Γi', cct', sum_gates, Peepholes.dz, dc_prev, dcct, dΓi, dΓf, B, s, dΓo, Rsqr. ring.
Qed.

Lemma gate_adjoint k :
  dot n_a m (dz k) (Wz' p p' t a a' k)
  = dot n_a (n_a + n_x) (here (dW n_x n_a m) k) (W_ p' k) + sum n_a (fun r => here (db n_x n_a m) k r * b_ p' k r)
    + (dot n_a m (fun q j => sum n_a (fun r => W_ p k r q * dz k r j)) a'
       + dot n_x m (fun q j => sum n_a (fun r => W_ p k r (n_a + q)%nat * dz k r j)) (x_ p' t)).
Proof. unfold Wz'. rewrite linear, dot_stack. reflexivity. Qed.

Lemma cell :
  dot n_a m da (a_next' p p' t a a' c c') + dot n_a m dc (c_next' p p' t a a' c c')
  = dot n_a m (here (da_prev n_x n_a)) a' + dot n_a m (here (dc_prev n_x n_a)) c'
    + (dot n_x m (here (dxt n_x n_a)) (x_ p' t)
       + own_product (here (dW n_x n_a m)) (here (db n_x n_a m)) (here (dP n_x n_a m)) p').
Proof.
  pose (peep (v : matrix) r := sum m (fun j => v r j)).
  assert (E : dot n_a m da (a_next' p p' t a a' c c') + dot n_a m dc (c_next' p p' t a a' c c')
    = dot n_a m (here (dc_prev n_x n_a)) c' + sum_gates (fun k => dot n_a m (dz k) (Wz' p p' t a a' k))
      + (sum n_a (fun r => here (dP n_x n_a m) gf r * P_ p' gf r)
         + sum n_a (fun r => here (dP n_x n_a m) gi r * P_ p' gi r)
         + sum n_a (fun r => here (dP n_x n_a m) go r * P_ p' go r))).
  { unfold sum_gates, dot, dP. rewrite <- !sum_plus. apply sum_ext. intros r _.
    rewrite !(Rmult_comm (sum m _)), <- !sum_times, <- !sum_plus. apply sum_ext. intros j _.
    rewrite unit_adjoint. unfold sum_gates, Peepholes.dz. ring. }
  rewrite E. unfold sum_gates. rewrite !gate_adjoint.
  unfold own_product, da_prev, dxt, sum_gates. rewrite !dot_plus.
  rewrite (sum_none n_a (fun r => here (dP n_x n_a m) gc r * P_ p' gc r)) by (intros; simpl; ring). ring.
Qed.
End Adjoint.

Theorem peepholes_sequence (da dc : nat -> matrix) (p : R -> arguments) (e : R) (p' : arguments) :
  moves p e p' ->
  D (fun y => loss n_x n_a m T (p y) da dc) e (product (gradient n_x n_a m T (p e) da dc) p').
Proof.
  intros Hp. pose (q := p e).
  pose (here (fn : _ -> _ -> _ -> _ -> _ -> _ -> _ -> _ -> matrix) t (A : matrix * matrix) :=
    fn (W_ q) (b_ q) (P_ q) (x_ q t) (hidden n_x n_a q t) (memory n_x n_a q t) (fst A) (snd A)).
  pose (own t (A : matrix * matrix) := own_product
    (dW n_x n_a m (W_ q) (b_ q) (P_ q) (x_ q t) (hidden n_x n_a q t) (memory n_x n_a q t) (fst A) (snd A))
    (db n_x n_a m (W_ q) (b_ q) (P_ q) (x_ q t) (hidden n_x n_a q t) (memory n_x n_a q t) (fst A) (snd A))
    (dP n_x n_a m (W_ q) (b_ q) (P_ q) (x_ q t) (hidden n_x n_a q t) (memory n_x n_a q t) (fst A) (snd A)) p').
  eapply D_is.
  - apply (D_sum T (fun y t => dot n_a m (da t) (hidden n_x n_a (p y) (S t)) + dot n_a m (dc t) (memory n_x n_a (p y) (S t)))).
    intros t Ht.
    apply (D_plus (fun y => dot n_a m (da t) (hidden n_x n_a (p y) (S t))) (fun y => dot n_a m (dc t) (memory n_x n_a (p y) (S t))));
      apply D_dot; intros r j Hr Hj; now apply (D_states p e p' Hp).
  - pose (G := gradient n_x n_a m T q da dc). pose (A_at := arrives n_x n_a T q da dc).
    assert (H : sum T (fun t => dot n_a m (da t) (fst (states' q p' (S t))) + dot n_a m (dc t) (snd (states' q p' (S t))))
      = dot n_a m (a0_ G) (a0_ p') + dot n_a m (c0_ G) (c0_ p')
        + sum T (fun t => dot n_x m (x_ G t) (x_ p' t) + own t (A_at t))).
    { refine (chain
        (fun A u => dot n_a m (fst A) (fst u) + dot n_a m (snd A) (snd u))
        (states' q p') (fun t => (da t, dc t)) (total da dc)
        (fun t A => (here (da_prev n_x n_a) t A, here (dc_prev n_x n_a) t A))
        (fun t A => dot n_x m (here (dxt n_x n_a) t A) (x_ p' t) + own t A)
        (carried n_x n_a q da dc) _ _ _ _ T 0%nat).
      - intros t A u. simpl. rewrite !dot_plus. ring.
      - intros t. simpl. rewrite !dot_none by (intros; unfold zero; ring). ring.
      - reflexivity.
      - intros t A. simpl. rewrite cell. unfold here, own. ring. }
    refine (eq_trans H _). rewrite sum_plus.
    assert (E : sum T (fun t => own t (A_at t)) = own_product (W_ G) (b_ G) (P_ G) p').
    { unfold own, own_product, sum_gates. rewrite !sum_plus, !dot_sum, !vector_sum. reflexivity. }
    rewrite E. unfold product. fold q. fold G. ring.
Qed.
End Theorems.
