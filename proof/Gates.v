(* What (7) to (10) and (16) mean: one unit of one example, and the derivative with respect
   to what stands inside each activation, all else held fixed. *)
From LSTM Require Import Lemmas Equations.

(* what stands inside the activation of gate k, and the activation *)
Definition z n_x n_a W b xt a_prev (k : gate) : matrix := fun r j =>
  sum (n_a + n_x) (fun q => W k r q * stack n_a xt a_prev q j) + b k r.
Definition act k := match k with gc => tanh | _ => sigmoid end.
Definition value n_x n_a W b xt a_prev k : matrix :=
  match k with
  | gf => Γf n_x n_a W b xt a_prev | gi => Γi n_x n_a W b xt a_prev
  | gc => cct n_x n_a W b xt a_prev | go => Γo n_x n_a W b xt a_prev
  end.

(* (1), (2), (3), (5) *)
Lemma value_z n_x n_a W b xt a_prev k r j :
  value n_x n_a W b xt a_prev k r j = act k (z n_x n_a W b xt a_prev k r j).
Proof. destruct k; unfold value, Γf, Γi, cct, Γo, act, z; apply f_equal; ring. Qed.

Section Unit.
Variables n_x n_a : nat.
Variable W : gate -> matrix.
Variable b : gate -> nat -> R.
Variables xt a_prev c_prev da dc : matrix.
Variables r j : nat.

(* (4) and (6) for one unit, of its four z and the old memory, and what it
   brings to the loss *)
Definition c_of zf zi zc (c : R) :=
  sigmoid zf * c + sigmoid zi * tanh zc.
Definition a_of zf zi zc zo (c : R) :=
  sigmoid zo * tanh (c_of zf zi zc c).
Definition loss_of zf zi zc zo (c : R) :=
  da r j * a_of zf zi zc zo c + dc r j * c_of zf zi zc c.

Local Notation zf := (z n_x n_a W b xt a_prev gf r j). Local Notation zi := (z n_x n_a W b xt a_prev gi r j).
Local Notation zc := (z n_x n_a W b xt a_prev gc r j). Local Notation zo := (z n_x n_a W b xt a_prev go r j).
Local Notation c := (c_prev r j).
Local Notation ct := (c_of zf zi zc c).
Local Notation Γf := (sigmoid zf). Local Notation Γi := (sigmoid zi).
Local Notation cct := (tanh zc). Local Notation Γo := (sigmoid zo).

Lemma Γf_z : Equations.Γf n_x n_a W b xt a_prev r j = Γf. Proof. exact (value_z n_x n_a W b xt a_prev gf r j). Qed.
Lemma Γi_z : Equations.Γi n_x n_a W b xt a_prev r j = Γi. Proof. exact (value_z n_x n_a W b xt a_prev gi r j). Qed.
Lemma cct_z : Equations.cct n_x n_a W b xt a_prev r j = cct. Proof. exact (value_z n_x n_a W b xt a_prev gc r j). Qed.
Lemma Γo_z : Equations.Γo n_x n_a W b xt a_prev r j = Γo. Proof. exact (value_z n_x n_a W b xt a_prev go r j). Qed.
Lemma ct_z : c_next n_x n_a W b xt a_prev c_prev r j = ct.
Proof. unfold c_next, c_of. rewrite Γf_z, Γi_z, cct_z. ring. Qed.
Lemma at_z : a_next n_x n_a W b xt a_prev c_prev r j = a_of zf zi zc zo c.
Proof. unfold a_next, a_of. rewrite Γo_z, ct_z. ring. Qed.

Ltac by_letters := unfold dΓf, dΓi, dcct, dΓo, dc_prev, s; rewrite ?ct_z, ?Γf_z, ?Γi_z, ?cct_z, ?Γo_z; unfold Rsqr; ring.

(* the bracket: what moves c^t at the rate d moves the loss at dc + s times d *)
Lemma bracket (c_at : R -> R) (v d : R) :
  c_at v = ct -> D c_at v d ->
  D (fun v => da r j * (Γo * tanh (c_at v)) + dc r j * c_at v) v
    ((dc r j + s n_x n_a W b xt a_prev c_prev da r j) * d).
Proof.
  intros Hv Hc.
  (* the loss through c^t alone *)
  assert (H1 : D (fun v => dc r j * c_at v) v (dc r j * d)).
  { eapply D_is; [apply (D_times (fun _ => dc r j) c_at); [apply D_const|exact Hc]|ring]. }
  (* (6): a^t = Γo tanh(c^t), and its derivative by the chain rule *)
  assert (H2 : D (fun v => tanh (c_at v)) v ((1 - (tanh ct)²) * d)).
  { rewrite <- Hv. apply (D_chain c_at tanh); [apply D_tanh|exact Hc]. }
  (* the loss through a^t *)
  assert (H3 : D (fun v => da r j * (Γo * tanh (c_at v))) v (da r j * Γo * (1 - (tanh ct)²) * d)).
  { eapply D_is.
    - apply (D_times (fun _ => da r j) (fun v => Γo * tanh (c_at v))); [apply D_const|].
      apply (D_times (fun _ => Γo) (fun v => tanh (c_at v))); [apply D_const|exact H2].
    - ring. }
  eapply D_is; [exact (D_plus _ _ v _ _ H3 H1)|].
  by_letters.
Qed.

(* (7): the output gate acts in (6) only *)
Theorem equation_7 : D (fun v => loss_of zf zi zc v c) zo
  (dΓo n_x n_a W b xt a_prev c_prev da r j).
Proof.
  eapply D_is.
  - apply (D_plus (fun v => da r j * (sigmoid v * tanh ct)) (fun _ => dc r j * ct)); [|apply D_const].
    apply (D_times (fun _ => da r j) (fun v => sigmoid v * tanh ct)); [apply D_const|].
    apply (D_times sigmoid (fun _ => tanh ct)); [apply D_sigmoid|apply D_const].
  - by_letters.
Qed.

(* (8): the candidate acts in (4), beside Γi *)
Theorem equation_8 : D (fun v => loss_of zf zi v zo c) zc
  (dcct n_x n_a W b xt a_prev c_prev da dc r j).
Proof.
  assert (Hc : D (fun v => c_of zf zi v c) zc (Γi * (1 - cct²))).
  { eapply D_is.
    - apply (D_plus (fun _ => Γf * c) (fun v => Γi * tanh v)); [apply D_const|].
      apply (D_times (fun _ => Γi) tanh); [apply D_const|apply D_tanh].
    - ring. }
  eapply D_is; [apply (bracket _ zc _ eq_refl Hc)|].
  by_letters.
Qed.

(* (9): the input gate acts in (4), beside the candidate *)
Theorem equation_9 : D (fun v => loss_of zf v zc zo c) zi
  (dΓi n_x n_a W b xt a_prev c_prev da dc r j).
Proof.
  assert (Hc : D (fun v => c_of zf v zc c) zi (cct * (Γi * (1 - Γi)))).
  { eapply D_is.
    - apply (D_plus (fun _ => Γf * c) (fun v => sigmoid v * cct)); [apply D_const|].
      apply (D_times sigmoid (fun _ => cct)); [apply D_sigmoid|apply D_const].
    - ring. }
  eapply D_is; [apply (bracket _ zi _ eq_refl Hc)|].
  by_letters.
Qed.

(* (10): the forget gate acts in (4), beside the old memory *)
Theorem equation_10 :
  D (fun v => loss_of v zi zc zo c) zf
    (dΓf n_x n_a W b xt a_prev c_prev da dc r j).
Proof.
  (* (1): the gate moves at Γf (1 - Γf) *)
  assert (Hf : D sigmoid zf (Γf * (1 - Γf))).
  { apply D_sigmoid. }
  (* (4): the new memory at c^{t-1} times that *)
  assert (Hc : D (fun v => c_of v zi zc c) zf (c * (Γf * (1 - Γf)))).
  { eapply D_is.
    - apply (D_plus (fun v => sigmoid v * c) (fun _ => Γi * cct));
        [|apply D_const].
      apply (D_times sigmoid (fun _ => c)); [exact Hf|apply D_const].
    - ring. }
  (* and the loss at (dc + s) times that *)
  pose proof (bracket (fun v => c_of v zi zc c) zf _ eq_refl Hc) as HL.
  (* which is (10), with its factors in another order *)
  eapply D_is; [exact HL|].
  by_letters.
Qed.

(* (16): the old memory acts in (4), beside Γf *)
Theorem equation_16 : D (fun v => loss_of zf zi zc zo v) c
  (dc_prev n_x n_a W b xt a_prev c_prev da dc r j).
Proof.
  assert (Hc : D (fun v => c_of zf zi zc v) c Γf).
  { eapply D_is.
    - apply (D_plus (fun v => Γf * v) (fun _ => Γi * cct)); [|apply D_const].
      apply (D_times (fun _ => Γf) (fun v => v)); [apply D_const|apply D_id].
    - ring. }
  eapply D_is; [apply (bracket _ c _ eq_refl Hc)|].
  by_letters.
Qed.
End Unit.
