(* Reads problems from stdin and prints what the extracted definitions compute. A problem:
   n_x n_a m T, then W, b, x, a0, c0, da, dc, each row after row, the steps outermost; the
   gates in the order f, i, c, o. The answer: a, c, dW, db, dx, da0, dc0 in the same way. *)
open Equations

let number () = Scanf.scanf " %h" Fun.id
let range n f = Array.init n f
let matrix rows columns =
  let v = range rows (fun _ -> range columns (fun _ -> number ())) in fun r j -> v.(r).(j)
let several n one = let v = range n (fun _ -> one ()) in fun i -> v.(i)
let gates = [| Gf; Gi; Gc; Go |]
let index = function Gf -> 0 | Gi -> 1 | Gc -> 2 | Go -> 3

let print rows columns f =
  for r = 0 to rows - 1 do for j = 0 to columns - 1 do Printf.printf "%h " (f r j) done done

let problem n_x n_a m t_x =
  let w = several 4 (fun () -> matrix n_a (n_a + n_x)) in
  let b = several 4 (fun () -> matrix n_a 1) in
  let x = several t_x (fun () -> matrix n_x m) in
  let a0 = matrix n_a m in
  let c0 = matrix n_a m in
  let d_a = several t_x (fun () -> matrix n_a m) in
  let d_c = several t_x (fun () -> matrix n_a m) in
  let w k = w (index k) and b k r = b (index k) r 0 in
  for t = 1 to t_x do print n_a m (a n_x n_a w b x a0 c0 t) done;
  for t = 1 to t_x do print n_a m (c n_x n_a w b x a0 c0 t) done;
  Array.iter (fun k -> print n_a (n_a + n_x) (dW n_x n_a m w b x a0 c0 d_a d_c t_x k)) gates;
  Array.iter (fun k -> print n_a 1 (fun r _ -> db n_x n_a m w b x a0 c0 d_a d_c t_x k r)) gates;
  for t = 0 to t_x - 1 do print n_x m (dx n_x n_a w b x a0 c0 d_a d_c t_x t) done;
  print n_a m (da0 n_x n_a w b x a0 c0 d_a d_c t_x);
  print n_a m (dc0 n_x n_a w b x a0 c0 d_a d_c t_x);
  print_newline ()

let () = try while true do Scanf.scanf " %d %d %d %d" problem done with End_of_file -> ()
