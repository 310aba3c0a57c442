using System.CommandLine;
using VaccineRef.Bench;

Option<string> shape = new("--shape") { Description = "S, P or demo.", DefaultValueFactory = _ => "S" };
Option<int> threads =
    new("--threads") { Description = "Threads of both sides.", DefaultValueFactory = _ => Environment.ProcessorCount };
Option<int> steps =
    new("--steps") { Description = "Counted steps, after two to warm up.", DefaultValueFactory = _ => 7 };
Option<string> of = new("--of") { Description = "Measure only this side, in this process." };
Option<bool> vaccine = new("--vaccine") { Description = "With --of: Vaccine steps instead of plain ones." };
of.AcceptOnlyFromAmong(MemoryComparison.Ours, MemoryComparison.Theirs);
shape.AcceptOnlyFromAmong([.. StepShape.Known.Select(known => known.Name)]);
StepShape Shape(ParseResult parsed) => StepShape.Known.Single(known => known.Name == parsed.GetValue(shape));

var memory = new Command("memory", "Peak memory of each side's steps, each in a process of its own.") { shape, threads, of, vaccine };
memory.SetAction(parsed =>
{
    if (parsed.GetValue(of) is { } side)
        MemoryComparison.Measure(Shape(parsed), parsed.GetValue(threads), side, parsed.GetValue(vaccine));
    else
        MemoryComparison.Run(Shape(parsed), parsed.GetValue(threads));
});
var matmul = new Command("matmul", "Matrix products of every linear layer of S and P.") { threads };
matmul.SetAction(parsed => MatmulComparison.Run(parsed.GetValue(threads)));
var conform = new Command(
    "conform", "The step as a port for vaccine conform run: JSON lines on standard input and output.");
conform.SetAction(_ => ConformPort.Run());
var root = new RootCommand("VaccineRef against libtorch: whole steps, in turn, on the same work.") { shape, threads, steps, memory, matmul, conform };
root.SetAction(parsed => StepComparison.Run(Shape(parsed), parsed.GetValue(threads), parsed.GetValue(steps)));
return root.Parse(args).Invoke();
