// A consumer of the packages alone: trains a small MLP with an op of its own, takes one Vaccine step, prints ||eps||,
// and runs the laws on its op.
using VaccineRef.Core;
using VaccineRef.Laws;
using VaccineRef.Models;
using VaccineRef.Training;

using var device = new CpuDevice();
using var weights = new Arena(device);
var mlp = new Mlp(weights, device, vocabulary: 17, width: 16);
int[] text = [3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8, 9, 7, 9, 3, 2];
var batch = PackedBatch.Pack([new TokenSequence(text, text)]);
using var vaccine = new Vaccine<float>(new VaccineOptions(Rho: 0.5, Sites: [SiteKind.MlpOutput]), device);
var options = new StepOptions(new AdamWOptions(LearningRate: 0.01));
using var step = new TrainStep<float>(mlp.Parameters, mlp, new Plain<float>(), options, device);

double before = step.Run(batch).Loss, after = before;
for (int i = 0; i < 200; i++)
    after = step.Run(batch).Loss;
step.Rule = vaccine;
var moved = step.Run(batch);
Console.WriteLine($"loss {before:F3} -> {after:F3}; one Vaccine step: ||eps|| = {moved.PerturbationNorm:F6}");

var softplus = new OpCase("Softplus", _ => new Softplus<float>(), _ => new Softplus<double>(), s => [new(s.N, s.C)]);
foreach (var law in OpLaws.Check(softplus, options: new(Seed: 1)))
    Console.WriteLine(law);
return after < before / 2 && moved.Loss > moved.CleanLoss && Math.Abs(moved.PerturbationNorm - 0.5) < 1e-3 ? 0 : 1;
