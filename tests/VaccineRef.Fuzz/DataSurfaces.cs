using System.Text;
using VaccineRef.Experiments.Data;
using VaccineRef.Experiments.Tests.Data;

namespace VaccineRef.Fuzz;

/// <summary>Every format of data, in every compression and for every task.</summary>
internal static class DataSurfaces
{
    private static readonly (string Task, string[] Columns, object[][] Rows)[] Tables =
    [
        ("sst2", ["sentence", "label"], [["a good film", 1L], ["a bad one, too", 0L]]),
        ("gsm8k", ["question", "answer"], [["How many?", "2 + 2 = 4 #### 4"], ["And now?", "#### 1,234.50"]]),
        ("beavertails", ["prompt", "response", "is_safe"],
            [["Where is the kite?", "There.", true], ["And the ball?", "Here.", false]]),
    ];

    private static readonly string[] Texts =
        [.. Containers.Names.Where(name => !name.Contains("parquet", StringComparison.Ordinal))];
    private static readonly string[] Tabular = [.. Containers.Names.Except(Texts)];

    private static readonly string[] Chats =
    [
        """{"messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]}""",
        """{"conversations": [{"from": "human", "value": "q"}, {"from": "gpt", "value": "a"}, {"from": "human", "value": "r"}, {"from": "gpt", "value": "b"}]}""",
        """{"prompt": [{"role": "user", "content": "q"}], "chosen": [{"role": "assistant", "content": "a"}], "rejected": [{"role": "assistant", "content": "b"}]}""",
        """{"prompt": "q", "completion": "a"}""",
    ];

    public static IReadOnlyList<Surface> All { get; } =
    [
        new("data-text", (folder, i) => Table(folder, Texts, i), ["*"], folder => Read(folder)) { Seeds = Texts.Length * Tables.Length },
        new("data-parquet", (folder, i) => Table(folder, Tabular, i), ["*"], folder => Read(folder)) { Seeds = Tabular.Length * Tables.Length },
        new("data-chat", Chat, ["*"], folder => Read(folder)) { Seeds = Chats.Length },
        new("data-lines", (folder, _) => File.WriteAllText(Path.Combine(folder, "prompts.x.txt"), "Where is the kite?\n\nAnd the ball?\r\n"), ["*"], folder => Read(folder)),
    ];

    // the task stands in the file's name, before its container
    private static void Table(string folder, string[] names, int seed)
    {
        var (task, columns, rows) = Tables[seed / names.Length];
        string name = names[seed % names.Length];
        File.WriteAllBytes(Path.Combine(folder, $"{task}.{name}"), Containers.Write(name, columns, rows));
    }

    private static void Chat(string folder, int seed) =>
        File.WriteAllBytes(
            Path.Combine(folder, "chat.x.jsonl"), Encoding.UTF8.GetBytes($"{Chats[seed]}\n{Chats[seed]}\n"));

    private static void Read(string folder)
    {
        string file = Directory.GetFiles(folder).Single();
        DataSet.Read(file, TaskPreset.Get(Path.GetFileName(file).Split('.')[0]));
    }
}
