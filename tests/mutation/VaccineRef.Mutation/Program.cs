using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using VaccineRef.Mutation;

// VaccineRef.Mutation COPY STATE EQUIVALENT SEED COUNT [ID...]: plants defects in COPY, and keeps what it finds in
// STATE, so that it goes on where it was stopped. With ids, only those defects are tried, again.
var (root, state, equivalent, seed, count) = (args[0], args[1], args[2], int.Parse(args[3]), int.Parse(args[4]));
string[] only = args[5..];
Directory.CreateDirectory(state);

var defects = Kept("defects.json", StateJson.Default.ListDefect);
if (defects.Count == 0)
{
    defects.AddRange(new Planting(root, seed, count).Run());
    Keep("defects.json", defects, StateJson.Default.ListDefect);
}

foreach (string project in Library.Tests)
    Shell.Output(
        root, "dotnet", "build", $"tests/VaccineRef.{project}.Tests", "-c", "Release", "--no-restore",
        "-p:RunAnalyzers=false", "-p:TreatWarningsAsErrors=false",
        "-p:GenerateDocumentationFile=false", "-p:EnforceCodeStyleInBuild=false", "-p:NoWarn=CS1591", "-v:q");

var classes = new List<TestClass>();
foreach (var each in Reaching.Of(root, Kept("classes.json", StateJson.Default.ListTestClass)))
{
    classes.Add(each);
    Keep("classes.json", classes, StateJson.Default.ListTestClass);
    Console.WriteLine($"{each.Name}: {each.Reached.Count} defects, {each.Seconds:F1} s{(each.Red is null ? "" : $", red without a defect: {each.Red}")}");
}

var trials = Kept("trials.json", StateJson.Default.ListTrial);
trials.RemoveAll(trial => only.Contains(trial.Id));
var trier = new Trials(root, classes, far: 120);
var known = trials.Select(trial => trial.Id).ToHashSet();
Parallel.ForEach(defects.Where(defect => !known.Contains(defect.Id) && (only.Length == 0 || only.Contains(defect.Id))), new() { MaxDegreeOfParallelism = 2 }, defect =>
{
    var trial = trier.Of(defect);
    lock (trials)
    {
        trials.Add(trial);
        Keep("trials.json", trials, StateJson.Default.ListTrial);
        Console.WriteLine(
            $"{trials.Count}/{defects.Count} {defect}: {trial.Noticed ?? "NOT NOTICED"} ({trial.Classes} classes)");
    }
});
Score.Print(defects, trials, equivalent);
Score.List(defects, trials, equivalent, Path.Combine(state, "list.txt"));
return 0;

List<T> Kept<T>(string name, JsonTypeInfo<List<T>> type) =>
    File.Exists(Path.Combine(state, name))
        ? JsonSerializer.Deserialize(File.ReadAllText(Path.Combine(state, name)), type)!
        : [];

void Keep<T>(string name, List<T> list, JsonTypeInfo<List<T>> type)
{
    string path = Path.Combine(state, name);
    File.WriteAllText(path + ".new", JsonSerializer.Serialize(list, type));
    File.Move(path + ".new", path, overwrite: true);
}
